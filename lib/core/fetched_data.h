#pragma once

#include <filesystem>
#include <string>

namespace arzoo {

/// For a message about a file that is not there: " (scripts/get_data.sh etth1 fetches it)" when it is one of
/// the public data sets that the script puts below data/, told by its name and its folder's; else nothing.
std::string fetch_hint(const std::filesystem::path& path);

}  // namespace arzoo
