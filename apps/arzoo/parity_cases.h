#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace arzoo::cli {

/// The fixture folders (those with a case.json) that are, or lie below, the given ones: absolute, each once,
/// in the order given, sorted by name below one folder. Throws CheckpointError naming a folder that is not
/// there or holds none.
std::vector<std::filesystem::path> find_parity_cases(const std::vector<std::filesystem::path>& folders);

/// "family/case" of each folder.
std::vector<std::string> parity_case_names(const std::vector<std::filesystem::path>& folders);

}  // namespace arzoo::cli
