#pragma once

#include <cstdint>
#include <span>

#include "forecast/scores/normal_forecast.h"

namespace arzoo::forecast {

/// The Theta method (Assimakopoulos & Nikolopoulos, International Journal of Forecasting 2000) as Hyndman &
/// Billah (2003) write it: simple exponential smoothing plus half the slope of the linear trend, of the
/// series without its seasons where is_seasonal() finds any. Seasons are multiplicative for positive values,
/// else additive. history: at least one value, all finite; one too short for smoothing is continued as it
/// ends.
NormalForecast forecast_theta(std::span<const double> history, int64_t horizon, int64_t season);

}  // namespace arzoo::forecast
