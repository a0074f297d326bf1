#include "forecast/baselines/seasonal_adjustment.h"

#include <cmath>
#include <numeric>

namespace arzoo::forecast {
namespace {

constexpr double kNormal95 = 1.6448536269514722;  // the 95 % point of the normal distribution

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// The moving average over one season around step t; that of an even season weighs its two ends by half.
double centred_average(std::span<const double> values, std::size_t t, std::size_t season) {
  const auto half = season / 2;
  double sum = 0.0;
  for (std::size_t i = t - half; i <= t + half; ++i) sum += values[i];
  if (season % 2 == 0) sum -= 0.5 * (values[t - half] + values[t + half]);
  return sum / static_cast<double>(season);
}

}  // namespace

SeasonalAdjustment classical_decomposition(std::span<const double> values, int64_t season,
                                           bool multiplicative) {
  const auto period = static_cast<std::size_t>(season), half = period / 2;
  SeasonalAdjustment result{multiplicative, std::vector<double>(period, 0.0), {}};
  std::vector<double> counts(period, 0.0);
  for (std::size_t t = half; t + half < values.size(); ++t) {
    const double trend = centred_average(values, t, period);
    result.indices[t % period] += multiplicative ? values[t] / trend : values[t] - trend;
    counts[t % period] += 1.0;
  }
  for (std::size_t phase = 0; phase < period; ++phase) {
    result.indices[phase] =
        counts[phase] > 0.0 ? result.indices[phase] / counts[phase] : (multiplicative ? 1.0 : 0.0);
  }
  const double centre = mean_of(result.indices);
  for (auto& index : result.indices) index = multiplicative ? index / centre : index - centre;
  for (std::size_t t = 0; t < values.size(); ++t) {
    result.adjusted.push_back(multiplicative ? values[t] / result.of_step(t) : values[t] - result.of_step(t));
  }
  return result;
}

bool is_seasonal(std::span<const double> values, int64_t season) {
  const auto steps = values.size(), period = static_cast<std::size_t>(season);
  if (season < 2 || steps <= 2 * period) return false;
  const double mean = mean_of(values);
  double variance = 0.0;
  for (const double value : values) variance += (value - mean) * (value - mean);
  if (!(variance > 0.0)) return false;
  const auto correlation = [&](std::size_t lag) {
    double sum = 0.0;
    for (std::size_t t = lag; t < steps; ++t) sum += (values[t] - mean) * (values[t - lag] - mean);
    return sum / variance;
  };
  double below = 1.0;
  for (std::size_t lag = 1; lag < period; ++lag) below += 2.0 * std::pow(correlation(lag), 2);
  return std::abs(correlation(period)) > kNormal95 * std::sqrt(below / static_cast<double>(steps));
}

}  // namespace arzoo::forecast
