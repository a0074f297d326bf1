#pragma once

#include <string>
#include <string_view>

#include "core/file_budget.h"
#include "io/picture.h"

/// JPEG (ISO/IEC 10918) by libjpeg-turbo, and the comments in it.
namespace arzoo::io {

bool is_jpeg(std::string_view bytes);

/// Grey stays grey, all else becomes red, green, blue; rotation in Exif data is not followed, as Pillow does
/// not. `name` is for messages. Throws DataError for bytes that are no JPEG, are broken or cut short, or that
/// promise more pixels than the budget of their file allows.
Picture decode_jpeg(std::string_view bytes, std::string_view name, FileBudget budget);
inline Picture decode_jpeg(std::string_view bytes, std::string_view name) {
  return decode_jpeg(bytes, name, FileBudget(name, bytes.size()));
}

/// The most pixels along a side that the format has.
inline constexpr int64_t kLongestJpegSide = 65500;

/// The file's bytes, at quality 95 without subsampling of colours; each text is a comment (COM) "keyword:
/// text". Throws UsageError for a side longer than kLongestJpegSide.
std::string encode_jpeg(const Picture& picture, const PictureTexts& texts = {});

/// Its texts are those of its comments before the first scan: "keyword: text" is split, any other has the
/// keyword "comment". Throws DataError for a broken segment, naming where it begins.
PictureSummary describe_jpeg(std::string_view bytes, std::string_view name);

}  // namespace arzoo::io
