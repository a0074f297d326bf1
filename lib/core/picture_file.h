#pragma once

#include <filesystem>

#include "core/picture.h"

namespace arzoo {

/// A PNG or JPEG file, as its content says. Throws DataError.
Picture read_picture(const std::filesystem::path& path);

}  // namespace arzoo
