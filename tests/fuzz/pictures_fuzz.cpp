// The formats of picture sets: JPEG, PNG, IDX, and NumPy's arrays of features.

#include "fuzz/fuzz_target.h"
#include "io/idx_file.h"
#include "io/jpeg_file.h"
#include "io/npy_file.h"
#include "io/png_file.h"

namespace {

void expect_whole(const arzoo::io::Picture& picture) {
  if (picture.pixels.size() != static_cast<std::size_t>(picture.row_bytes() * picture.height)) std::abort();
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  arzoo::fuzz::refuse_or_accept([&] { expect_whole(arzoo::io::decode_jpeg(file, "input")); });
  arzoo::fuzz::refuse_or_accept([&] { expect_whole(arzoo::io::decode_png(file, "input")); });
  arzoo::fuzz::refuse_or_accept([&] { arzoo::io::describe_jpeg(file, "input"); });
  arzoo::fuzz::refuse_or_accept([&] { arzoo::io::parse_idx(std::string(file), "input"); });
  arzoo::fuzz::refuse_or_accept([&] { arzoo::io::parse_npy(file, "input"); });
  return 0;
}
