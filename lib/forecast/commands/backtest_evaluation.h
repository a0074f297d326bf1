#pragma once

#include <map>
#include <string>
#include <vector>

#include "forecast/commands/backtest_windows.h"
#include "io/csv.h"
#include "io/series_output.h"
#include "runtime/family_command.h"

namespace arzoo::forecast {

/// What all models of a backtest share.
struct Backtest {
  const plan::ForecastTask& task;
  const std::vector<io::SeriesTable>& tables;
  const std::vector<std::vector<std::string>>& ids;
  Windows windows;
  std::vector<NaiveErrors> naive;
  const io::SeriesOutput& out;  ///< says how stamps are written
  const runtime::CommandContext& context;
};

/// One of its models.
struct Candidate {
  std::string label;           ///< of its rows
  std::string place;           ///< as --model and --against name it
  const ForecastModel& model;  ///< as it was opened
};

/// One model's forecasts of all windows, scored.
struct Evaluation {
  std::string label;
  ForecastScores all;
  std::map<std::string, ForecastScores> of_series;
  /// Absolute errors over the naive one: a mean per window and series, and of each step, NaN: none.
  std::vector<double> errors, step_errors;
  int64_t rows = 0;
  std::vector<std::vector<SeriesForecast>> stretches = {};  ///< with --plot
  std::vector<SeriesForecast> last = {};                    ///< of the last window, with --report
  Json fitted = nullptr;  ///< with --refit: the last stamps that its fits saw, or when it is fitted
};

/// Forecasts and scores all windows. csv: where the rows go, null: nowhere. With --refit a model that comes
/// from a run is trained again, on the rows before, at the first window and whenever so many have passed.
Evaluation evaluate(const Backtest& run, const Candidate& candidate, io::CsvText* csv);

}  // namespace arzoo::forecast
