#include "core/pickle_machine.h"

#include "core/pickle_checkpoint.h"
#include "fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  arzoo::fuzz::refuse_or_accept([&] {
    // A bare pickle too, so that the machine is reached without a well-formed archive around it.
    if (!arzoo::is_pickle_checkpoint(file)) {
      arzoo::read_pickle(file, "input");
      return;
    }
    for (const auto& tensor : arzoo::parse_pickle_checkpoint(file, "input").tensors) {
      arzoo::fuzz::expect_inside(tensor, file);
    }
  });
  return 0;
}
