// The formats of picture sets: JPEG, PNG, IDX, and NumPy's arrays of features.

#include "core/idx_file.h"
#include "core/jpeg_file.h"
#include "core/npy_file.h"
#include "core/png_file.h"
#include "fuzz/fuzz_target.h"

namespace {

void expect_whole(const arzoo::Picture& picture) {
  if (picture.pixels.size() != static_cast<std::size_t>(picture.row_bytes() * picture.height)) std::abort();
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  arzoo::fuzz::refuse_or_accept([&] { expect_whole(arzoo::decode_jpeg(file, "input")); });
  arzoo::fuzz::refuse_or_accept([&] { expect_whole(arzoo::decode_png(file, "input")); });
  arzoo::fuzz::refuse_or_accept([&] { arzoo::describe_jpeg(file, "input"); });
  arzoo::fuzz::refuse_or_accept([&] { arzoo::parse_idx(std::string(file), "input"); });
  arzoo::fuzz::refuse_or_accept([&] { arzoo::parse_npy(file, "input"); });
  return 0;
}
