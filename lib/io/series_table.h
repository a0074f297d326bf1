#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/csv.h"
#include "io/date_column.h"
#include "io/frequency.h"
#include "io/resample.h"
#include "io/series_cells.h"

namespace arzoo::io {

/// What happens to missing cells and, on an otherwise regular axis, to missing rows.
enum class MissingPolicy {
  error,       ///< DataError
  ffill,       ///< the last value before; DataError if there is none
  interpolate  ///< linear in time; before the first and after the last value, the nearest one
};

/// The columns of a file that hold texts; null: none.
using Categories = std::shared_ptr<const std::vector<CategoryColumn>>;

/// One multivariate series on a regular time axis, every value finite.
struct SeriesTable {
  std::string unique_id;
  std::vector<Timestamp> stamps;      ///< [rows], increasing
  std::vector<std::string> variates;  ///< [variates]
  std::vector<double> values;         ///< [rows, variates], row-major
  Frequency frequency;
  DateFormat date_format;          ///< writes further stamps as the file writes its own
  std::string source;              ///< the file
  std::int64_t first_line = 0;     ///< of its first row in the file
  std::vector<std::string> notes;  ///< what was filled, one line each
  std::vector<bool> filled;        ///< [rows, variates]: cells that no measurement stands behind; empty: none
  MissingPolicy policy = MissingPolicy::error;  ///< how they were filled
  Categories categories = {};                   ///< what the numbers of columns of texts mean

  std::size_t rows() const { return stamps.size(); }
  double at(std::size_t row, std::size_t variate) const { return values[row * variates.size() + variate]; }
  bool measured(std::size_t row, std::size_t variate) const {
    return filled.empty() || !filled[row * variates.size() + variate];
  }
};

enum class SeriesFormat { automatic, wide, long_ };

struct SeriesReadOptions {
  SeriesFormat format = SeriesFormat::automatic;
  std::string date_column;  ///< empty: date, ds, timestamp, time, datetime, else a first column of dates
  std::string id_column = "unique_id";  ///< long files
  std::string target_column = "y";      ///< long files: the first variate
  std::optional<char> delimiter;        ///< sniffed if not given
  DayOrder day_order = DayOrder::automatic;
  std::optional<Frequency> frequency;  ///< inferred if not given
  MissingPolicy missing = MissingPolicy::error;
  std::vector<std::string> columns;  ///< variates to keep, in this order; empty: all
  Categories categories = {};        ///< of these, those that hold texts
  bool skip_single_rows =
      false;  ///< a series of one row, which shows no frequency, is left out, not an error
  std::string option_prefix = {};  ///< of these options' names where the user gives them: "--", "data."
  std::string columns_option =
      "columns";  ///< the option that names numeric columns, behind the prefix; empty: none
  std::optional<Resampling> resample = {};  ///< rows at any moments, in any order, become regular
  std::vector<std::string> statics = {};    ///< of the columns, those with one value per series

  Fractions fractions() const { return resample ? Fractions::cut : Fractions::refused; }
};

struct SeriesFile {
  std::string source;
  SeriesFormat format = SeriesFormat::wide;  ///< never automatic
  std::string date_column, id_column;        ///< as named in the file; id_column is empty for a wide one
  std::vector<SeriesTable> tables;   ///< in order of first appearance; at least one unless all were skipped
  std::vector<std::string> skipped;  ///< ids of series that were left out
  std::vector<std::string> notes;    ///< about the whole file
};

/// Reads a wide file (a date column and a column per variate: one table, named after the file) or a long one
/// (unique_id, ds, y and covariates: a table per unique_id). A file with a column `id_column` is long unless
/// options.format says otherwise. Plain or gzip. Throws DataError naming file, line and column, and what to
/// do.
SeriesFile read_series(const std::filesystem::path& path, const SeriesReadOptions& options = {});
/// The same for a table in memory.
SeriesFile read_series(const CsvTable& table, const SeriesReadOptions& options = {});

}  // namespace arzoo::io
