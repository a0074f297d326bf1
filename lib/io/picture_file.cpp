#include "io/picture_file.h"

#include <algorithm>
#include <array>

#include "core/ascii.h"
#include "core/error.h"
#include "core/text_file.h"
#include "io/jpeg_file.h"
#include "io/png_file.h"

namespace arzoo::io {
namespace {

bool ends_in(const std::filesystem::path& path, std::initializer_list<std::string_view> endings) {
  const auto ending = to_lower(path.extension().string());
  return std::find(endings.begin(), endings.end(), ending) != endings.end();
}

bool is_jpeg_name(const std::filesystem::path& path) { return ends_in(path, {".jpg", ".jpeg"}); }

}  // namespace

bool is_picture_name(const std::filesystem::path& path) {
  return ends_in(path, {".png"}) || is_jpeg_name(path);
}

std::vector<std::filesystem::path> pictures_below(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && is_picture_name(entry.path())) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<std::filesystem::path> pictures_of(const std::filesystem::path& input) {
  if (!std::filesystem::is_directory(input)) return {input};
  auto paths = pictures_below(input);
  if (paths.empty()) fail<DataError>("{}: no PNG or JPEG file in it", input.string());
  return paths;
}

void refuse_other_pictures(const std::filesystem::path& path, std::string_view option) {
  if (!ends_in(path, {".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".jxl", ".jp2", ".jfif",
                      ".jpe", ".ppm", ".pgm", ".pnm", ".svg", ".pdf", ".apng", ".ico", ".tga"}))
    return;
  fail<UsageError>("{}: {}: pictures are written as .png, .jpg or .jpeg", option, path.string());
}

Picture read_picture(const std::filesystem::path& path) {
  constexpr std::uint64_t kMostFileBytes = std::uint64_t{1} << 30;
  const auto [bytes, budget] = read_input_text(path, kMostFileBytes);
  if (is_png(bytes)) return decode_png(bytes, path.string(), budget);
  if (is_jpeg(bytes)) return decode_jpeg(bytes, path.string(), budget);
  fail<DataError>("{}: neither a PNG nor a JPEG picture", path.string());
}

std::string encode_picture(const std::filesystem::path& name, const Picture& picture,
                           const PictureTexts& texts) {
  return is_jpeg_name(name) ? encode_jpeg(picture, texts) : encode_png(picture, texts);
}

}  // namespace arzoo::io
