#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "io/picture.h"

/// Files of pictures: PNG and JPEG.
namespace arzoo::io {

/// Whether a file's name promises a picture: .png, .jpg or .jpeg, in capitals as well.
bool is_picture_name(const std::filesystem::path& path);
/// Throws UsageError, with `option` before the path, for a name that ends like a picture's of another format
/// (.gif, .webp, …).
void refuse_other_pictures(const std::filesystem::path& path, std::string_view option);

/// A PNG or JPEG file, as its content says. Throws DataError.
Picture read_picture(const std::filesystem::path& path);

/// The file's bytes in the format of the name's ending: PNG, or JPEG for .jpg and .jpeg. Throws UsageError
/// for a picture that the format cannot hold.
std::string encode_picture(const std::filesystem::path& name, const Picture& picture,
                           const PictureTexts& texts = {});
}  // namespace arzoo::io
