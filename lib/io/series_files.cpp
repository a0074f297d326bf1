#include "io/series_files.h"

#include <glob.h>

#include <algorithm>
#include <string>

#include "core/ascii.h"
#include "core/error.h"
#include "io/arrow_plugin.h"

namespace arzoo::io {
namespace {

namespace fs = std::filesystem;

bool is_pattern(const fs::path& path) { return path.string().find_first_of("*?[") != std::string::npos; }

bool is_regular(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::vector<fs::path> matching_files(const fs::path& pattern) {
  glob_t found{};
  const int status = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<fs::path> files;
  for (std::size_t i = 0; status == 0 && i < found.gl_pathc; ++i) {
    if (is_regular(found.gl_pathv[i])) files.emplace_back(found.gl_pathv[i]);
  }
  ::globfree(&found);
  if (status == GLOB_NOSPACE) fail<SystemFailure>("{}: out of memory", pattern.string());
  return files;
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code unreadable;
  for (fs::directory_iterator entry(folder, unreadable), end; !unreadable && entry != end;
       entry.increment(unreadable)) {
    if (is_series_file(entry->path()) && is_regular(entry->path())) files.push_back(entry->path());
  }
  if (unreadable) fail<DataError>("{}: cannot be read: {}", folder.string(), unreadable.message());
  return files;
}

}  // namespace

bool is_series_file(const fs::path& path) {
  const auto name = to_lower(path.filename().string());
  return name.ends_with(".csv") || name.ends_with(".csv.gz") || is_arrow_file(path);
}

std::vector<fs::path> series_files(const fs::path& path) {
  std::error_code ignored;
  const auto kind = fs::status(path, ignored).type();
  const bool folder = kind == fs::file_type::directory;
  if (!folder && (kind != fs::file_type::not_found || !is_pattern(path))) return {path};
  auto files = folder ? files_in(path) : matching_files(path);
  if (files.empty() && folder)
    fail<DataError>("{}: no .csv, .csv.gz, .parquet, .arrow or .feather file in this folder", path.string());
  if (files.empty()) fail<DataError>("{}: no file matches this pattern", path.string());
  std::sort(files.begin(), files.end());
  return files;
}

bool names_series(const fs::path& path) {
  std::error_code ignored;
  return path == kStandardStream || fs::exists(path, ignored) ||
         (is_pattern(path) && !matching_files(path).empty());
}

}  // namespace arzoo::io
