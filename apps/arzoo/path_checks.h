#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

/// Whether the files that a command names can be what it needs, found out before LibTorch is opened.
namespace arzoo::cli {

/// Throws UsageError for an empty path, as all of the following do; `what` was expected ("a file").
void require_name(const std::filesystem::path& path, std::string_view option, std::string_view what);

/// Throws DataError unless `path` is there and can be read; "-" and pipes are not opened. A folder is
/// refused.
void require_input_file(const std::filesystem::path& path, std::string_view option);
/// Throws CheckpointError unless there is a file or folder at `path`.
void require_checkpoint(const std::filesystem::path& path, std::string_view option);
/// Throws UsageError unless a file could be made at `path`, or if that is one of `inputs`, which it would
/// replace.
void require_output_file(const std::filesystem::path& path, const std::vector<std::filesystem::path>& inputs,
                         std::string_view option);

/// Throws UsageError unless `path` is a folder in which files can be made, or one could be made there.
void require_output_folder(const std::filesystem::path& path, std::string_view option);

}  // namespace arzoo::cli
