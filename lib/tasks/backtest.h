#pragma once

#include "core/csv.h"
#include "core/progress.h"
#include "core/series_table.h"
#include "forecast/forecast_model.h"
#include "plan/tasks.h"

namespace arzoo::tasks {

/// Forecasts `task.backtest` stretches of known data, one behind the other from the end, each as if the file
/// ended before it. Appends rows "unique_id, ds, cutoff, model, y, yhat[, lo-…, hi-…]" to `csv` and returns
/// the errors in the units of the input:
/// {"windows", "rows", "mse", "mae", "mase", "smape", "coverage"?: {level: share}, "series": {id: {…}}}.
/// With task.plot, `charted` receives each series' stretches joined. Throws DataError when a series is too
/// short for that many stretches.
Json backtest(const plan::ForecastTask& task, const forecast::ForecastModel& model,
              const std::vector<SeriesTable>& tables, const std::vector<std::vector<std::string>>& ids,
              int64_t horizon, CsvText& csv, Progress& progress,
              std::vector<forecast::SeriesForecast>& charted);

}  // namespace arzoo::tasks
