#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/file_budget.h"
#include "core/picture.h"

/// PNG (ISO/IEC 15948) by libpng, and the texts in it.
namespace arzoo {

/// Keyword and text. Written: keywords of 1 to 79 and texts of printable ASCII characters (JSON with
/// escapes).
using PngTexts = std::vector<std::pair<std::string, std::string>>;

/// The file's bytes.
std::string encode_png(const Picture& picture, const PngTexts& texts = {});
/// Replaces `path`, whole or not at all. Throws SystemFailure.
void write_png(const std::filesystem::path& path, const Picture& picture, const PngTexts& texts = {});

/// Grey stays grey, all else becomes red, green, blue; of 16 bits the upper 8 count; what is transparent
/// keeps the colour that it has. `name` is for messages. Throws DataError for bytes that are no PNG or that
/// promise more pixels than the budget of their file allows.
Picture decode_png(std::string_view bytes, std::string_view name, FileBudget budget);
inline Picture decode_png(std::string_view bytes, std::string_view name) {
  return decode_png(bytes, name, FileBudget(name, bytes.size()));
}
Picture read_png(const std::filesystem::path& path);

/// What a PNG says of itself, without its pixels.
struct PngSummary {
  int64_t width = 0, height = 0, bit_depth = 0;
  std::string color;  ///< "grey", "rgb", "palette", "grey and alpha" or "rgb and alpha"
  PngTexts texts;     ///< of its tEXt, zTXt and iTXt chunks, in their order
};

bool is_png(std::string_view bytes);
/// Throws DataError for a broken chunk, naming where it begins.
PngSummary describe_png(std::string_view bytes, std::string_view name);

}  // namespace arzoo
