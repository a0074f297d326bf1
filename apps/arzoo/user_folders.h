#pragma once

#include <filesystem>

namespace arzoo::cli {

/// arzoo's folder for what can be made again, by the XDG Base Directory Specification: below $XDG_CACHE_HOME
/// when that is an absolute path, else below ~/.cache. Empty when there is no home. Nothing is made.
std::filesystem::path user_cache_folder();

}  // namespace arzoo::cli
