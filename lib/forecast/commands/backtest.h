#pragma once

#include "core/progress.h"
#include "forecast/forecast_model.h"
#include "io/csv.h"
#include "io/series_output.h"
#include "io/series_table.h"
#include "plan/tasks.h"
#include "runtime/family_command.h"

namespace arzoo::forecast {

/// Those of a backtest's rows.
std::vector<io::OutputColumn> backtest_columns(const plan::ForecastTask& task);

/// Forecasts `task.backtest` stretches of known data, one behind the other from the end, each as if the file
/// ended before it, but for covariates that are known ahead, which are those of the stretch: gaps are filled
/// from what was known then, and only measured cells are scored. Appends rows "unique_id, ds, cutoff, model,
/// y, yhat[, lo-…, hi-…][, q-…]", with stamps as `out` has them, to `csv`, y empty where nothing was
/// measured, and returns the errors in the units of the input:
/// {"windows", "rows", …, "series": {id: {…, "season", "naive_mae"}}} with the scores of
/// ForecastScores::json. With task.plot, `charted` receives each series' stretches joined. MASE divides by
/// the mean absolute error of the seasonal naive forecast within the history before the first stretch,
/// "naive_mae", null where there is none (runtime::seasonal_naive_error). Warns of stretches that training
/// saw. Throws DataError when a series is too short for that many stretches.
/// With task.step the stretches begin so many rows apart. "leaderboard" compares the model with those of
/// task.against and the seasonal naive forecast on the same stretches (leaderboard, a task being
/// one stretch of one series): {"baseline", "tasks", "models": [{"model", "mase", "mae", "skill",
/// "skill_low", "skill_high", "win_rate", …}]}; the rows of those that were named follow the model's own.
/// With task.refit "fitted" says of each model which rows its trainings saw; with task.report a page compares
/// all.
Json backtest(const plan::ForecastTask& task, const ForecastModel& model,
              const std::vector<io::SeriesTable>& tables, const std::vector<std::vector<std::string>>& ids,
              int64_t horizon, const io::SeriesOutput& out, io::CsvText& csv,
              const runtime::CommandContext& context, std::vector<SeriesForecast>& charted);

/// Rows of a series' end that the stretches cover; 0 without a backtest.
int64_t rows_of_backtest(const plan::ForecastTask& task, int64_t horizon);

}  // namespace arzoo::forecast
