#pragma once

#include "plan/tasks.h"
#include "runtime/family_command.h"

namespace arzoo::forecast {

/// `arzoo forecast`: forecasts CSV files into one long CSV. Returns {"output", "series", "rows", "horizon",
/// "seconds", "plots", "backtest"?}.
Json run_forecast(const plan::ForecastTask& task, const runtime::CommandContext& context);

}  // namespace arzoo::forecast
