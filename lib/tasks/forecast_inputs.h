#pragma once

#include "core/progress.h"
#include "forecast/forecast_model.h"
#include "plan/tasks.h"
#include "tasks/forecast_ids.h"

/// The files that a forecast reads.
namespace arzoo::tasks {

/// The series of all files, in input order. A model for any series, and one with a regression around it, is
/// told the parts of the columns that the task names.
ForecastInputs read_inputs(const plan::ForecastTask& task, forecast::ForecastModel& model, Progress& progress);

/// What --future says of the steps after each table; nothing without it.
std::vector<forecast::KnownAhead> read_known_ahead(const plan::ForecastTask& task,
                                                   const forecast::ForecastModel& model,
                                                   const std::vector<io::SeriesTable>& tables, int64_t horizon,
                                                   Progress& progress);

}  // namespace arzoo::tasks
