#pragma once

#include "plan/tasks.h"
#include "runtime/family_command.h"

namespace arzoo::forecast {

/// Finds an ensemble for a task that names no model, several, or has a time limit: forecasts the last
/// stretches of the known data by the baselines, by the task's model and those of task.against, and by
/// forecasters that it trains on the rows before while the time lasts; weighs them so that the mean absolute
/// error, in units of each series' seasonal naive error, is least (greedy_ensemble). A third of the
/// stretches, the last ones, are held out: they choose nothing and tell what the ensemble is worth. Where it
/// is worse there than the seasonal naive forecast, all stretches choose, so that it is never worse on all of
/// them.
///
/// Leaves the ensemble, the trained models, report.html and leaderboard.json in task.keep, a folder that must
/// be new or empty, and returns the task with that folder as its model, and intervals of 80 % where it asks
/// for none and the ensemble has some. `summary` receives {"folder", "windows", "horizon", "weights": {model:
/// share}, "chosen_on", "held_out": {"windows", "mase", "seasonal_naive", "better_by"} (null: no windows),
/// "why", "leaderboard", "skipped": {model: why}, "report"}.
plan::ForecastTask find_ensemble(const plan::ForecastTask& task, Json& summary,
                                 const runtime::CommandContext& context);

}  // namespace arzoo::forecast
