#include "path_checks.h"

#include <unistd.h>

#include <cerrno>

#include "core/error.h"
#include "output.h"

namespace arzoo::cli {

namespace fs = std::filesystem;

void require_input_file(const fs::path& path, std::string_view option) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    fail<DataError>("{}: {}: is a folder, expected a file", option, path.string());
  if (::access(path.c_str(), R_OK) != 0) fail<DataError>("{}: {}: {}", option, path.string(), reason(errno));
}

void require_checkpoint(const fs::path& path, std::string_view option) {
  if (::access(path.c_str(), R_OK) != 0) {
    fail<CheckpointError>("{}: {}: {}, expected a run directory, a checkpoint folder or a weights file",
                          option, path.string(), reason(errno));
  }
}

void require_output_file(const fs::path& path, const std::vector<fs::path>& inputs, std::string_view option) {
  std::error_code ignored;
  if (path.empty() || fs::is_directory(path, ignored)) {
    fail<UsageError>("{}: \"{}\" is a folder, expected the name of a file", option, path.string());
  }
  const auto folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, ignored)) {
    fail<UsageError>("{}: {}: there is no folder {}", option, path.string(), folder.string());
  }
  for (const auto& input : inputs) {
    if (fs::equivalent(path, input, ignored)) {
      fail<UsageError>("{}: {} is an input as well, expected another file", option, path.string());
    }
  }
}

}  // namespace arzoo::cli
