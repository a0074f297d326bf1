#include "forecast/baselines/theta_method.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "forecast/baselines/exponential_smoothing.h"
#include "forecast/baselines/seasonal_adjustment.h"

namespace arzoo::forecast {
namespace {

double least_squares_slope(std::span<const double> values) {
  const auto steps = static_cast<double>(values.size());
  double mean = 0.0;
  for (const double value : values) mean += value / steps;
  double products = 0.0, squares = 0.0;
  for (std::size_t t = 0; t < values.size(); ++t) {
    const double centred = static_cast<double>(t) - 0.5 * (steps - 1.0);
    products += centred * (values[t] - mean);
    squares += centred * centred;
  }
  return squares > 0.0 ? products / squares : 0.0;
}

}  // namespace

NormalForecast forecast_theta(std::span<const double> history, int64_t horizon, int64_t season) {
  std::optional<SeasonalAdjustment> adjustment;
  if (is_seasonal(history, season)) {
    const bool positive = std::all_of(history.begin(), history.end(), [](double v) { return v > 0.0; });
    adjustment = classical_decomposition(history, season, positive);
    const auto& indices = adjustment->indices;
    if (positive && *std::min_element(indices.begin(), indices.end()) < 1e-10) adjustment.reset();
  }
  const auto values = adjustment ? std::span<const double>(adjustment->adjusted) : history;
  const auto smoothing = fit_ets(values, {}, 1);
  NormalForecast result;
  if (!smoothing) {
    result = {std::vector<double>(static_cast<std::size_t>(horizon), values.back()),
              std::vector<double>(static_cast<std::size_t>(horizon), 0.0)};
  } else {
    const double alpha = std::max(1e-10, smoothing->alpha), half_slope = 0.5 * least_squares_slope(values);
    const double lag = (1.0 - std::pow(1.0 - alpha, static_cast<double>(values.size()))) / alpha;
    result = forecast_ets(*smoothing, values, horizon);
    for (std::size_t step = 0; step < result.mean.size(); ++step) {
      result.mean[step] += half_slope * (static_cast<double>(step) + lag);
    }
  }
  if (!adjustment) return result;
  for (std::size_t step = 0; step < result.mean.size(); ++step) {
    const auto t = history.size() + step;
    result.mean[step] = adjustment->restored(result.mean[step], t);
    if (adjustment->multiplicative) result.stddev[step] *= adjustment->of_step(t);
  }
  return result;
}

}  // namespace arzoo::forecast
