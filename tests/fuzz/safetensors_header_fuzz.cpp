#include "fuzz/fuzz_target.h"
#include "io/safetensors_header.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  arzoo::fuzz::refuse_or_accept([&] {
    for (const auto& tensor : arzoo::io::parse_safetensors_header(file, "input").tensors) {
      arzoo::fuzz::expect_inside(tensor, file);
    }
  });
  return 0;
}
