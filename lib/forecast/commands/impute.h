#pragma once

#include "core/progress.h"
#include "core/stop.h"
#include "forecast/forecast_model.h"
#include "plan/tasks.h"

namespace arzoo::forecast {

/// Completes the one file of the task: writes its columns that the model knows, in its layout, units and time
/// stamps, missing rows inserted and missing cells reconstructed. Returns {"series", "rows", "imputed":
/// cells}.
///
/// With task.backtest instead hides so many stretches of task.horizon rows of each series, evenly spread over
/// the rows that training did not see, and compares what is put there with the truth and with linear
/// interpolation. Writes rows "unique_id, ds, model, y, yhat, linear" and returns {"series", "rows",
/// "backtest": {"windows", "scored", "mse", "mae", "linear_mse", "linear_mae", "series": {id: {…}}}}.
Json impute(const plan::ForecastTask& task, ForecastModel& model, Progress& progress, Stop stop);

}  // namespace arzoo::forecast
