#include "runtime/peak_memory.h"

#include <torch/torch.h>

#include "support/test.h"

namespace arzoo::runtime {

TEST_CASE("the peak of memory is that since the watch began") {
  constexpr int64_t kMegabyte = int64_t{1} << 20;
  { const auto before = at::ones({256 * kMegabyte / 4}); }
  const PeakMemory watch;
  if (!watch.bytes()) return;  // a system that does not let a process start a new peak
  CHECK(*watch.bytes() > 10 * kMegabyte);
  { const auto during = at::ones({64 * kMegabyte / 4}); }
  CHECK(*watch.growth() >= 60 * kMegabyte);
  CHECK(*watch.growth() < 128 * kMegabyte);
}

}  // namespace arzoo::runtime
