#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "forecast/data_options.h"
#include "io/series_table.h"

/// Columns by the part that they play, and what is known of the steps ahead. No torch in here.
namespace arzoo::forecast {

/// The most categories of a column that changes with time, each of which is a channel, and of a static one.
inline constexpr std::size_t kMostCategories = 64, kMostStaticCategories = 4096;

/// The names of the columns of each part. All empty: every column is a target.
struct CovariateRoles {
  std::vector<std::string> targets;  ///< to be forecast; empty: every column without another part
  std::vector<std::string> past;     ///< known up to the last row
  std::vector<std::string> future;   ///< known of the steps ahead as well
  std::vector<std::string> statics;  ///< one value per series

  static void fields(auto& o, auto& field) {
    field("targets", o.targets, {}, "columns to forecast");
    field("past_covariates", o.past, {}, "columns known up to the last row");
    field("future_covariates", o.future, {}, "columns known of the steps ahead as well");
    field("static_covariates", o.statics, {}, "columns with one value per series");
  }
  bool empty() const { return targets.empty() && !has_covariates(); }
  bool has_covariates() const { return !(past.empty() && future.empty() && statics.empty()); }
  /// All of them, targets first: the order of a table's variates.
  std::vector<std::string> columns() const;
};

/// The parts that a data section names.
CovariateRoles roles_of(const DataOptions& options);

/// The same with empty targets replaced by those of `columns` that have no other part. Throws DataError,
/// naming `where`, if there are none.
CovariateRoles resolved_roles(CovariateRoles roles, const std::vector<std::string>& columns,
                              const std::string& where);
/// The same for a file that is about to be read. Throws DataError as io::choose_columns.
CovariateRoles resolved_roles(const CovariateRoles& roles, const io::CsvTable& table,
                              const io::SeriesReadOptions& read);

/// The covariates that hold texts, and those named by `as_categories`, with their values in this file. Throws
/// DataError for more values than kMostCategories and kMostStaticCategories.
io::Categories find_categories(const io::CsvTable& table, const CovariateRoles& roles,
                               const std::vector<std::string>& as_categories);

/// What a model sees of some columns: a channel per column of numbers, and a channel per value of a column of
/// texts, 1 where the cell has that value, else 0 (nowhere 1: missing or unknown).
class Channels {
 public:
  Channels() = default;
  Channels(std::vector<std::string> columns, const io::Categories& categories);

  const std::vector<std::string>& columns() const { return columns_; }
  /// One per channel: "temperature", "weather=rain".
  const std::vector<std::string>& names() const { return names_; }
  std::size_t size() const { return names_.size(); }
  bool is_category(std::size_t channel) const { return sources_[channel].category >= 0; }

  /// rows: [rows, columns().size()] row-major, as the table has them; returns [rows, size()].
  std::vector<double> expand(const std::vector<double>& rows) const;
  /// The same of a whole table, whose columns may be in any order. Cells of texts in inserted rows are those
  /// of the row before. Throws DataError for a column that the table lacks.
  io::SeriesTable of(const io::SeriesTable& table) const;
  /// The values of static columns, [size()]. Throws DataError, naming series, column and stamp, for one that
  /// changes.
  std::vector<double> constants(const io::SeriesTable& table) const;

 private:
  struct Source {
    std::size_t column;     ///< place in columns_
    std::int64_t category;  ///< number of the value; -1: the number itself
  };
  std::vector<std::size_t> places_in(const io::SeriesTable& table) const;

  std::vector<std::string> columns_, names_;
  std::vector<Source> sources_;
};

/// The channels of a model's inputs.
struct CovariateChannels {
  Channels variates;  ///< past covariates, then targets
  Channels known;     ///< covariates that are known ahead
  Channels statics;
};
/// roles: resolved.
CovariateChannels channels_of(const CovariateRoles& roles, const io::Categories& categories);

/// {"column": ["value", …]}, as a model's config.json holds it.
Json categories_json(const io::Categories& categories);
/// Throws ConfigError for values that are not sorted, or stand twice.
io::Categories read_categories(const Config& config);

/// What a model's config.json says of its columns: {"targets", "past_covariates", "future_covariates",
/// "static_covariates", "categories"}; null for a model without parts, or another family's.
Json describe_roles(const Config& model_config);

/// The known-ahead covariates of one series at the steps after its last row, a row per step.
struct KnownAhead {
  std::vector<io::Timestamp> stamps;  ///< [horizon]
  std::vector<double> values;         ///< [horizon, columns] row-major; of texts their code
};

/// How a table of the future is read.
struct FutureOptions {
  std::vector<std::string> columns;  ///< the known-ahead covariates, in the order of KnownAhead::values
  io::Categories categories;         ///< of these, those that hold texts
  std::string date, id;              ///< columns; empty: as io::SeriesReadOptions finds them
  bool gaps = false;                 ///< an empty cell is a value that is not known (NaN), no error
};

/// Reads what is known of the `horizon` steps after each table's last row: a wide file for one series, a long
/// one for several. `notes` receives what was guessed. Throws DataError, naming file, series and stamp, for a
/// step without a row, a row that is none of the steps, a stamp that stands twice, a missing value, a column
/// that is none of options.columns, and a series that one of the two files lacks.
std::vector<KnownAhead> read_future(const std::filesystem::path& path, const FutureOptions& options,
                                    std::span<const io::SeriesTable> tables, std::int64_t horizon,
                                    std::vector<std::string>& notes);
/// The same of a table in memory.
std::vector<KnownAhead> read_future(const io::CsvTable& table, const FutureOptions& options,
                                    std::span<const io::SeriesTable> tables, std::int64_t horizon,
                                    std::vector<std::string>& notes);

/// The same from rows [begin, begin + horizon) of a table that has them (a backtest).
KnownAhead held_out(const io::SeriesTable& table, const std::vector<std::string>& columns, std::int64_t begin,
                    std::int64_t horizon);

}  // namespace arzoo::forecast
