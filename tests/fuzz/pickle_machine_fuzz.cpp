#include "io/pickle_machine.h"

#include "fuzz/fuzz_target.h"
#include "io/pickle_checkpoint.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  arzoo::fuzz::refuse_or_accept([&] {
    // A bare pickle too, so that the machine is reached without a well-formed archive around it.
    if (!arzoo::io::is_pickle_checkpoint(file)) {
      arzoo::io::read_pickle(file, "input");
      return;
    }
    for (const auto& tensor : arzoo::io::parse_pickle_checkpoint(file, "input").tensors) {
      arzoo::fuzz::expect_inside(tensor, file);
    }
  });
  return 0;
}
