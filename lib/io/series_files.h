#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace arzoo::io {

/// Stands for standard input where a file of series is read, and for standard output where one is written.
inline constexpr std::string_view kStandardStream = "-";

/// Whether a name ends as files of series do: .csv, .csv.gz, .parquet, .arrow, .feather.
bool is_series_file(const std::filesystem::path& path);

/// The files that a path stands for, by name: of a folder, those whose names end as files of series do; of a
/// pattern with * ? [ that is no file's name, the files that match it; else the path itself. Throws DataError
/// for a folder or a pattern without any.
std::vector<std::filesystem::path> series_files(const std::filesystem::path& path);

/// Whether there is a file or folder of this name, a file that matches this pattern, or it is standard input.
bool names_series(const std::filesystem::path& path);

}  // namespace arzoo::io
