#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/file_budget.h"
#include "io/picture.h"

/// PNG (ISO/IEC 15948) by libpng, and the texts in it.
namespace arzoo::io {

/// The file's bytes.
std::string encode_png(const Picture& picture, const PictureTexts& texts = {});
/// Replaces `path`, whole or not at all. Throws as AtomicFile does.
void write_png(const std::filesystem::path& path, const Picture& picture, const PictureTexts& texts = {});

/// Grey stays grey, all else becomes red, green, blue; of 16 bits the upper 8 count; what is transparent
/// keeps the colour that it has. `name` is for messages. Throws DataError for bytes that are no PNG or that
/// promise more pixels than the budget of their file allows.
Picture decode_png(std::string_view bytes, std::string_view name, FileBudget budget);
inline Picture decode_png(std::string_view bytes, std::string_view name) {
  return decode_png(bytes, name, FileBudget(name, bytes.size()));
}
Picture read_png(const std::filesystem::path& path);

bool is_png(std::string_view bytes);
/// Its texts are those of tEXt, zTXt and iTXt chunks. Throws DataError for a broken chunk, naming where it
/// begins.
PictureSummary describe_png(std::string_view bytes, std::string_view name);

}  // namespace arzoo::io
