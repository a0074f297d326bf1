#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "core/progress.h"
#include "forecast/forecast_model.h"
#include "forecast/scores/forecast_scores.h"
#include "io/series_table.h"
#include "plan/tasks.h"

/// The stretches of known data that a backtest forecasts, and what is known about them.
namespace arzoo::forecast {

/// Where the windows lie: number 1 ends with the series, the higher ones before it.
struct Windows {
  int64_t count, horizon, step;

  /// Rows of a series' end that they cover.
  int64_t rows() const { return horizon + (count - 1) * step; }
  /// The first row of a window of a series of so many rows.
  int64_t begin(int64_t rows, int64_t window) const { return rows - horizon - (window - 1) * step; }
};

/// Those of a task. Throws UsageError for windows that overlap where they must not.
Windows windows_of(const plan::ForecastTask& task, int64_t horizon);

/// Measured values of the forecast variates of rows [begin, end), NaN elsewhere: [end - begin, variates].
at::Tensor truth_of(const io::SeriesTable& table, const std::vector<std::string>& variates, int64_t begin,
                    int64_t end);

/// The seasonal naive errors of each forecast variate within the rows before the first stretch, [variates].
struct NaiveErrors {
  int64_t season;
  at::Tensor of_variate, squares;
  NaiveScale scale(int64_t variate) const {
    return {of_variate[variate].item<double>(), squares[variate].item<double>()};
  }
};

std::vector<NaiveErrors> naive_errors(const plan::ForecastTask& task, const ForecastModel& model,
                                      const std::vector<io::SeriesTable>& tables, const Windows& windows);

/// Throws DataError for a series that is too short for the windows.
void require_rows(const ForecastModel& model, const std::vector<io::SeriesTable>& tables,
                  const Windows& windows);

/// Errors on rows that training saw say little of the errors on others. One line for all series: the first of
/// them speaks.
void warn_of_seen_rows(const ForecastModel& model, const std::vector<io::SeriesTable>& tables,
                       const Windows& windows, Progress& progress);

}  // namespace arzoo::forecast
