#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/progress.h"
#include "forecast/forecast_model.h"
#include "io/series_parts.h"
#include "io/series_table.h"
#include "plan/tasks.h"

/// The files that a forecast reads.
namespace arzoo::forecast {

/// Series of the input files, in order.
struct ForecastInputs {
  std::vector<io::SeriesTable> tables;
  std::vector<bool> is_long;           ///< whether the table comes from a long file
  std::string date_column, id_column;  ///< of the first file; id_column is empty for a wide one
  double begin = 0.0, end = 1.0;       ///< which stretch of all series they are
};

/// Reads the series that a task names, those that are long enough for it. A model for any series, and one
/// with a regression around it, is told the parts of the columns that the task names.
class InputReader {
 public:
  /// in_parts: one file may be read in parts of whole series (io::SeriesParts), else all files at once, as
  /// they are where the task names parts of columns, or a model for any series has settings: one of them may
  /// be that series inform each other. Throws UsageError for options that the model has no use for.
  InputReader(const plan::ForecastTask& task, ForecastModel& model, int64_t needed_rows, bool in_parts,
              Progress& progress);

  /// The next series, nothing at the end. Throws DataError for a file that cannot be used, and for a series
  /// of fewer rows than needed unless such series are to be left out.
  std::optional<ForecastInputs> next();
  /// Says which series were left out. Throws DataError if none was given.
  void finish();
  /// Names of series that were left out.
  const std::vector<std::string>& skipped() const { return skipped_; }
  /// Names of series that were lengthened.
  const std::vector<std::string>& padded() const { return padded_; }

 private:
  io::SeriesFile read(const plan::fs::path& path);
  io::SeriesFile read_with_roles(const plan::fs::path& path);
  void add(io::SeriesFile file, ForecastInputs& inputs);
  void note(const std::string& text);
  void note_gaps(const io::SeriesTable& table);
  void leave_out_short(ForecastInputs& inputs);
  void lengthen_short(ForecastInputs& inputs);
  void require_long_enough(const ForecastInputs& inputs) const;

  const plan::ForecastTask& task_;
  ForecastModel& model_;
  bool names_roles_;  ///< whether the task says what the columns are
  io::SeriesReadOptions options_;
  int64_t needed_rows_;
  Progress& progress_;
  std::optional<io::SeriesParts> parts_;
  bool finished_ = false;
  std::size_t given_ = 0;
  std::vector<std::string> skipped_, padded_;
  std::set<std::string> notes_;  ///< said already, while there are few
};

/// What --future says of the steps after each table; nothing without it.
std::vector<KnownAhead> read_known_ahead(const plan::ForecastTask& task, const ForecastModel& model,
                                         const std::vector<io::SeriesTable>& tables, int64_t horizon,
                                         Progress& progress);

}  // namespace arzoo::forecast
