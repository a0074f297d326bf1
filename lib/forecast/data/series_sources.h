#pragma once

#include <string>
#include <vector>

#include "forecast/data_options.h"
#include "io/series_table.h"

namespace arzoo::forecast {

/// A series as it was read, and how it is to be divided in time.
struct SourceTable {
  io::SeriesTable table;
  SplitOptions split;
};

/// "error", "ffill" or "interpolate".
io::MissingPolicy missing_policy(const std::string& name);

/// How to read a file of these options, whose names messages give after `prefix`. An id column makes the file
/// a long one. Throws ConfigError for an id column of a wide file.
io::SeriesReadOptions read_options(const FileOptions& options, const std::string& prefix = "data.");

/// All series that a data section names: of its files, or of its sources in their order, the files of a
/// folder or pattern by name (io/series_files.h). `notes` receives what was filled and what was left out.
/// Throws DataError for a file that cannot be used, a folder without files of series, or two sources with a
/// series of one name.
std::vector<SourceTable> read_sources(const DataOptions& options, std::vector<std::string>& notes);

/// One variate as a series "unique_id/variate" of one variate, "value".
io::SeriesTable variate_alone(const io::SeriesTable& table, std::size_t variate);

}  // namespace arzoo::forecast
