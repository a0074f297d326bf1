#pragma once

#include "core/progress.h"
#include "core/stop.h"
#include "forecast/forecast_model.h"
#include "plan/tasks.h"

namespace arzoo::forecast {

/// Scores the known cells of all series as anomalies: each is forecast from the rows before it, and its
/// residual is ranked among those of the model's calibration windows (ConformalPValues). Windows of
/// task.horizon steps lie one behind the other to the last row; what was flagged is replaced by its forecast
/// for the windows after it, unless half of a window was: that is a change, not an outlier. Writes rows
/// "unique_id, ds, model, y, yhat, residual, p_value, anomaly", anomaly 1 where p_value <= 1 - level / 100,
/// empty where nothing was measured. Returns {"series", "rows", "detect": {"level", "scored", "anomalies",
/// "series": {id: {"scored", "anomalies", "lowest_p_value", "at"}}}}. The level is task.levels' one, or 99.
/// With task.backtest so many cells of each variate are shifted first (inject_anomalies), and "detect" has
/// "injected", how they were told from the others (InjectionScore::json).
Json detect(const plan::ForecastTask& task, ForecastModel& model, Progress& progress, Stop stop);

}  // namespace arzoo::forecast
