#include "tasks/run_inputs.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/fetched_data.h"
#include "core/mapped_file.h"
#include "io/series_files.h"
#include "runtime/tensor_digests.h"

namespace arzoo::tasks {

std::string first_missing(const std::vector<std::filesystem::path>& inputs) {
  for (const auto& input : inputs) {
    if (!input.empty() && !io::names_series(input)) return input.string();
  }
  return "";
}

std::string absence_of(const std::string& input) {
  return fmt::format("{} is not there{}", input, fetch_hint(input));
}

Json file_digests(const std::vector<std::filesystem::path>& inputs) {
  namespace fs = std::filesystem;
  std::vector<Json> digests;
  const auto add = [&](const fs::path& path) {
    const auto file = MappedFile::open(path);
    digests.push_back({path.string(), file->bytes().size(), runtime::crc32_of(file->bytes())});
  };
  for (const auto& input : inputs) {
    if (fs::is_regular_file(input)) add(input);
    if (!fs::exists(input) && io::names_series(input) && input != io::kStandardStream) {
      for (const auto& file : io::series_files(input)) add(file);
    }
    if (!fs::is_directory(input)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(input)) {
      if (entry.is_regular_file()) add(entry.path());
    }
  }
  std::sort(digests.begin(), digests.end());
  return digests;
}

}  // namespace arzoo::tasks
