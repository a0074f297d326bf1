#pragma once

#include "plan/tasks.h"
#include "runtime/family_command.h"

namespace arzoo::forecast {

/// Finds an ensemble for a task that names no model, or has a time limit: forecasts the last stretches of the
/// known data by the baselines, by the task's model and those of task.against, and by forecasters that it
/// trains on the rows before while the time lasts; weighs them so that the mean absolute error over the
/// stretches, in units of each series' seasonal naive error, is least (greedy_ensemble). The result
/// is never worse there than the seasonal naive forecast, which is one of them.
///
/// Leaves the ensemble, the trained models and leaderboard.json in task.keep, a folder that must be new or
/// empty, and returns the task with that folder as its model. `summary` receives {"folder", "time_limit",
/// "windows", "horizon", "leaderboard", "weights": {model: share}, "skipped": {model: why}}.
plan::ForecastTask find_ensemble(const plan::ForecastTask& task, Json& summary,
                                 const runtime::CommandContext& context);

}  // namespace arzoo::forecast
