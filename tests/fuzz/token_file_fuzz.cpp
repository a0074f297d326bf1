// What `arzoo decode` reads.

#include "fuzz/fuzz_target.h"
#include "io/token_file.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  arzoo::fuzz::refuse_or_accept([&] {
    const auto file = arzoo::io::parse_token_file(bytes, "input");
    // What is accepted says all that there is.
    if (arzoo::io::token_file_bytes(file) != bytes) std::abort();
  });
  return 0;
}
