#pragma once

#include <vector>

#include "plan/tasks.h"

/// What the options of `arzoo forecast` must be together, found out before LibTorch is opened.
namespace arzoo::cli {

/// Puts the models that were named into the task: several are candidates of a search.
void set_models(plan::ForecastTask& task, const std::vector<plan::fs::path>& models);

/// Throws the error that the user is to read; finds the input files and names what was left to choose.
void check_forecast(plan::ForecastTask& task);

}  // namespace arzoo::cli
