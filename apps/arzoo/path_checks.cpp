#include "path_checks.h"

#include <unistd.h>

#include <cerrno>

#include "core/error.h"
#include "core/fetched_data.h"
#include "output.h"

namespace arzoo::cli {

namespace fs = std::filesystem;

namespace {

void require_writable(const fs::path& folder, std::string_view option) {
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    fail<UsageError>("{}: no file can be made in {}: {}", option, folder.string(), reason(errno));
}

}  // namespace

void require_name(const fs::path& path, std::string_view option, std::string_view what) {
  if (path.empty()) fail<UsageError>("{}: the path is empty, expected the name of {}", option, what);
}

void require_input_file(const fs::path& path, std::string_view option) {
  require_name(path, option, "a file");
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    fail<DataError>("{}: {}: is a folder, expected a file", option, path.string());
  if (::access(path.c_str(), R_OK) == 0) return;
  const int error = errno;
  fail<DataError>("{}: {}: {}{}", option, path.string(), reason(error),
                  error == ENOENT ? fetch_hint(path) : "");
}

void require_checkpoint(const fs::path& path, std::string_view option) {
  require_name(path, option, "a file or folder");
  if (::access(path.c_str(), R_OK) != 0) {
    fail<CheckpointError>("{}: {}: {}, expected a run directory, a checkpoint folder or a weights file",
                          option, path.string(), reason(errno));
  }
}

void require_output_file(const fs::path& path, const std::vector<fs::path>& inputs, std::string_view option) {
  require_name(path, option, "a file");
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    fail<UsageError>("{}: \"{}\" is a folder, expected the name of a file", option, path.string());
  if (fs::exists(path, ignored) && !fs::is_regular_file(path, ignored))
    fail<UsageError>("{}: {} is not a regular file, expected the name of one", option, path.string());
  const auto folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, ignored)) {
    fail<UsageError>("{}: {}: there is no folder {}", option, path.string(), folder.string());
  }
  require_writable(folder, option);
  for (const auto& input : inputs) {
    if (fs::equivalent(path, input, ignored)) {
      fail<UsageError>("{}: {} is an input as well, expected another file", option, path.string());
    }
  }
}

void require_output_folder(const fs::path& path, std::string_view option) {
  require_name(path, option, "a folder");
  // What is there already decides whether the rest can be made.
  std::error_code ignored;
  auto place = path;
  while (!fs::exists(place, ignored)) place = place.has_parent_path() ? place.parent_path() : fs::path(".");
  if (!fs::is_directory(place, ignored))
    fail<UsageError>("{}: {} is a file, expected a folder", option, place.string());
  require_writable(place, option);
}

}  // namespace arzoo::cli
