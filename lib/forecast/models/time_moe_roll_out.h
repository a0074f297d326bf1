#pragma once

#include "core/config.h"
#include "forecast/series_shape.h"

namespace arzoo::forecast {

/// How Time-MoE forecasts.
struct TimeMoeForecastOptions {
  std::string roll_out = "official";
  int64_t drafts = 31;
  double tolerance = 0.0;

  static void fields(auto& o, auto& field) {
    field("roll_out", o.roll_out, one_of({"official", "one_step"}),
          "official: each pass takes over as many steps as a head forecasts; one_step: every step is that of "
          "the head of one step, and a longer head's forecasts are drafts of what follows");
    field("drafts", o.drafts, between(0, SeriesShape::kMostSteps),
          "one_step: drafts that a pass verifies, as far as a head reaches; 0 for one step a pass");
    field("tolerance", o.tolerance, at_least(0),
          "one_step: a draft is accepted when it differs by at most this from the head of one step, in "
          "standard deviations of the history; 0 gives the forecast of one step a pass, up to rounding");
  }
};

/// What rolling forecasts out came to, counted by series.
struct RollOutCounts {
  int64_t passes = 0, steps = 0, drafts = 0, accepted = 0;
};

}  // namespace arzoo::forecast
