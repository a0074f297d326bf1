#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/picture.h"

/// Files of pictures: PNG and JPEG.
namespace arzoo::io {

/// Whether a file's name promises a picture: .png, .jpg or .jpeg, in capitals as well.
bool is_picture_name(const std::filesystem::path& path);
/// The pictures of a folder and its sub-folders, by their names, sorted.
std::vector<std::filesystem::path> pictures_below(const std::filesystem::path& folder);
/// The same of a folder; a file is itself, whatever its name. Throws DataError for a folder without pictures.
std::vector<std::filesystem::path> pictures_of(const std::filesystem::path& input);
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
