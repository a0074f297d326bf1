#include "parity_cases.h"

#include <algorithm>
#include <system_error>

#include "core/error.h"
#include "output.h"

namespace arzoo::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCaseFile = "case.json";

std::vector<fs::path> cases_below(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  // Links are not followed: a loop of them must end.
  auto entry = fs::recursive_directory_iterator(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (entry->path().filename() == kCaseFile) found.push_back(entry->path().parent_path());
  }
  if (error) fail<CheckpointError>("bench parity: {}: {}", folder.string(), reason(error.value()));
  std::sort(found.begin(), found.end());
  return found;
}

/// Absolute and without a "/" at its end: the folder above a case names its family.
fs::path plain(const fs::path& folder) {
  const auto path = fs::absolute(folder).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace

std::vector<fs::path> find_parity_cases(const std::vector<fs::path>& folders) {
  std::vector<fs::path> cases;
  for (const auto& folder : folders) {
    if (folder.empty()) fail<UsageError>("bench parity: the path is empty, expected the name of a folder");
    const auto found = cases_below(plain(folder));
    if (found.empty()) {
      fail<CheckpointError>("bench parity: {}: no fixture in or below this folder, expected a {}",
                            folder.string(), kCaseFile);
    }
    for (const auto& path : found) {
      if (std::find(cases.begin(), cases.end(), path) == cases.end()) cases.push_back(path);
    }
  }
  return cases;
}

std::vector<std::string> parity_case_names(const std::vector<fs::path>& folders) {
  std::vector<std::string> names;
  for (const auto& folder : folders) {
    names.push_back((folder.parent_path().filename() / folder.filename()).string());
  }
  return names;
}

}  // namespace arzoo::cli
