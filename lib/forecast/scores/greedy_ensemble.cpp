#include "forecast/scores/greedy_ensemble.h"

#include <ATen/ATen.h>

#include <limits>

namespace arzoo::forecast {
namespace {

double scaled_error(const at::Tensor& forecast, const at::Tensor& truth, const at::Tensor& scale) {
  return ((forecast - truth).abs() / scale).nanmean().item<double>();
}

}  // namespace

std::vector<double> greedy_ensemble(const std::vector<at::Tensor>& forecasts, const at::Tensor& truth,
                                    const at::Tensor& scale) {
  const at::InferenceMode guard;
  std::vector<std::size_t> picked;
  std::size_t best_length = 0;
  double best = std::numeric_limits<double>::infinity();
  auto sum = at::zeros_like(truth);
  std::vector<bool> finite;
  for (const auto& forecast : forecasts) finite.push_back(forecast.isfinite().all().item<bool>());
  for (int round = 0; round < kEnsembleRounds; ++round) {
    std::size_t next = forecasts.size();
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < forecasts.size(); ++i) {
      if (!finite[i]) continue;
      const double error = scaled_error((sum + forecasts[i]) / (round + 1), truth, scale);
      if (next < forecasts.size() && !(error < least)) continue;
      least = error;
      next = i;
    }
    if (next == forecasts.size()) break;
    sum += forecasts[next];
    picked.push_back(next);
    if (best_length == 0 || least < best) {
      best = least;
      best_length = picked.size();
    }
  }
  std::vector<double> weights(forecasts.size(), 0.0);
  for (std::size_t i = 0; i < best_length; ++i) weights[picked[i]] += 1.0 / static_cast<double>(best_length);
  return weights;
}

}  // namespace arzoo::forecast
