#pragma once

#include "runtime/parity.h"

namespace arzoo::forecast {

/// Replays the official data pipeline on a real file: borders, scaler, windows, calendar features, metric
/// conventions.
void replay_data(const runtime::ParityCase& fixture, runtime::ParityReport& report);

}  // namespace arzoo::forecast
