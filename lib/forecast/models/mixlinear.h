#pragma once

#include "core/config.h"
#include "forecast/series_shape.h"

namespace arzoo::forecast {

/// MixLinear (Ma et al., ICLR 2026, arXiv 2410.02081): two tiny linear maps between the periods of a window,
/// one in time and one among its lowest frequencies, the same for every variate and phase. 45 to 195
/// parameters in the paper's settings. Names are the official script's.
///
/// The filter has 1 + 2 * (period_len / 2) taps: the official period_len + 1 for an even period, and one that
/// fits where the official code cannot (an odd period).
struct MixLinearOptions {
  static constexpr std::string_view kName = "mixlinear";
  static constexpr std::string_view kPaper = "Ma et al., MixLinear, ICLR 2026";
  static constexpr bool kChannelIndependent = true;

  int64_t period_len = 24;
  int64_t lpf = 1;
  double alpha = 0.95;

  static void fields(auto& o, auto& field) {
    field("period_len", o.period_len, at_least(1),
          "steps of the main period; seq_len must be a multiple (24 for hourly data with a daily rhythm)");
    field("lpf", o.lpf, at_least(1),
          "lowest frequencies that the frequency branch keeps, at most seq_len / period_len");
    field("alpha", o.alpha, between(0, 1), "share of the time branch; the rest is the frequency branch's");
  }
  void check_shape(const SeriesShape& shape) const {
    require(shape.seq_len % period_len == 0, "seq_len ({}) must be a multiple of period_len ({})",
            shape.seq_len, period_len);
    require(lpf <= shape.seq_len / period_len, "lpf ({}) must not exceed seq_len / period_len ({})", lpf,
            shape.seq_len / period_len);
  }
};

}  // namespace arzoo::forecast
