#pragma once

#include "forecast/models/chronos2_model.h"
#include "runtime/parity.h"

namespace arzoo::forecast {

/// Replays the official table input and output (predict_df): past.csv and future.csv to forecast.csv, and
/// multi.csv to forecast_multi.csv, whichever the case has.
void replay_chronos2_tables(const runtime::ParityCase& fixture, runtime::ParityReport& report,
                            const Chronos2& model);

}  // namespace arzoo::forecast
