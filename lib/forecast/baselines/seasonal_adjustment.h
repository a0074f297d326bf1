#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace arzoo::forecast {

/// A series without its seasons: y = adjusted + seasonal, or adjusted * seasonal.
struct SeasonalAdjustment {
  bool multiplicative = false;
  std::vector<double> indices;   ///< [season], of the steps 0, 1, … of the series
  std::vector<double> adjusted;  ///< [T]

  /// The seasonal part of step t, which may lie ahead.
  double of_step(std::size_t t) const { return indices[t % indices.size()]; }
  /// A value without seasons put back into step t.
  double restored(double value, std::size_t t) const {
    return multiplicative ? value * of_step(t) : value + of_step(t);
  }
};

/// Classical decomposition: the seasonal index of a phase is the mean, over its steps, of the series less (or
/// over) its centred moving average over one season; the indices are normalised to mean 0 (or 1). values: at
/// least two seasons. A multiplicative one needs positive values. (Kendall & Stuart, The Advanced Theory of
/// Statistics 3, 1983; the `decompose` of R.)
SeasonalAdjustment classical_decomposition(std::span<const double> values, int64_t season,
                                           bool multiplicative);

/// Whether the autocorrelation at the season's lag is significant at 90 % under the hypothesis that the
/// series is a moving average of the lags below it (Bartlett's formula), as the Theta method tests it
/// (Fiorucci et al., International Journal of Forecasting 2016). False for less than two seasons and a step.
bool is_seasonal(std::span<const double> values, int64_t season);

}  // namespace arzoo::forecast
