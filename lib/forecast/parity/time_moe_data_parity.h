#pragma once

#include "forecast/models/time_moe_model.h"
#include "runtime/parity.h"

namespace arzoo::forecast {

/// The official evaluation: its windows and, given a model, its forecasts and errors.
void replay_time_moe_evaluation(const runtime::ParityCase& fixture, TimeMoe* model,
                                runtime::ParityReport& report);

/// The windows of the training data, in each of the case's variants.
void replay_time_moe_dataset(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::forecast
