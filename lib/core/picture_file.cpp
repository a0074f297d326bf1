#include "core/picture_file.h"

#include "core/error.h"
#include "core/jpeg_file.h"
#include "core/png_file.h"
#include "core/text_file.h"

namespace arzoo {

Picture read_picture(const std::filesystem::path& path) {
  constexpr std::uint64_t kMostFileBytes = std::uint64_t{1} << 30;
  const auto [bytes, budget] = read_input_text(path, kMostFileBytes);
  if (is_png(bytes)) return decode_png(bytes, path.string(), budget);
  if (is_jpeg(bytes)) return decode_jpeg(bytes, path.string(), budget);
  fail<DataError>("{}: neither a PNG nor a JPEG picture", path.string());
}

}  // namespace arzoo
