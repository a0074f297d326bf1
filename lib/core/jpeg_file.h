#pragma once

#include <string_view>

#include "core/file_budget.h"
#include "core/picture.h"

/// JPEG (ISO/IEC 10918) by libjpeg-turbo, for reading.
namespace arzoo {

bool is_jpeg(std::string_view bytes);

/// Grey stays grey, all else becomes red, green, blue; rotation in Exif data is not followed, as Pillow does
/// not. `name` is for messages. Throws DataError for bytes that are no JPEG, are broken or cut short, or that
/// promise more pixels than the budget of their file allows.
Picture decode_jpeg(std::string_view bytes, std::string_view name, FileBudget budget);
inline Picture decode_jpeg(std::string_view bytes, std::string_view name) {
  return decode_jpeg(bytes, name, FileBudget(name, bytes.size()));
}

}  // namespace arzoo
