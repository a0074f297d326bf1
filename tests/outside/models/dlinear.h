#pragma once

#include "core/config.h"
#include "forecast/series_shape.h"

namespace arzoo::forecast {

/// DLinear (Zeng et al., "Are Transformers Effective for Time Series Forecasting?", AAAI 2023, Sec. 4.1): the
/// trend and what remains of it, each through one linear map from the window to the forecast.
struct DLinearOptions {
  static constexpr std::string_view kName = "dlinear";
  static constexpr std::string_view kPaper = "Zeng et al., Are Transformers Effective, AAAI 2023";
  static constexpr bool kChannelIndependent = true;

  int64_t moving_avg = 25;

  static void fields(auto& o, auto& field) {
    field("moving_avg", o.moving_avg, at_least(1), "steps that the trend is a mean of, an odd number");
  }
  void check() const { require(moving_avg % 2 == 1, "moving_avg ({}) must be odd", moving_avg); }
  void check_shape(const SeriesShape& shape) const {
    require(moving_avg <= shape.seq_len, "moving_avg ({}) must not exceed seq_len ({})", moving_avg,
            shape.seq_len);
  }
};

}  // namespace arzoo::forecast
