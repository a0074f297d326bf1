#include "tasks/precision_note.h"

#include "core/config.h"
#include "runtime/processor_rates.h"
#include "support/tasks.h"

using namespace arzoo;
using test::TempDir;

namespace {

/// Lines about a computation on a processor that is said to have this rate in bf16 and 200 GFLOP/s in fp32.
std::vector<std::string> precision_notes(const std::string& device, const std::string& dtype, double bf16) {
  const TempDir temp;
  runtime::processor_rates(temp.path());
  Json stored = Json::parse(test::read_file(temp / "processor_rates.json"));
  stored["processors"].begin().value() = {{"fp32", 200.0}, {"bf16", bf16}};
  temp.write("processor_rates.json", stored.dump());
  plan::ComputeOptions compute;
  compute.device = device;
  compute.dtype = dtype;
  compute.cache = temp.path();
  RecordingProgress progress;
  tasks::note_slow_precision(compute, progress);
  return progress.notes;
}

}  // namespace

TEST_CASE("bf16 where its products are slow is told in one line, and only there") {
  const auto slow = precision_notes("cpu", "bf16", 100.0);
  REQUIRE(slow.size() == 1);
  CHECK(slow[0] ==
        "--dtype bf16: matrix products in bf16 reach 100.0 GFLOP/s on this processor, in fp32 200.0 "
        "(--dtype fp32 may be faster)");
  CHECK(precision_notes("cpu", "bf16", 400.0).empty());
  CHECK(precision_notes("cpu", "fp32", 100.0).empty());
  CHECK(precision_notes("cuda", "bf16", 100.0).empty());
}
