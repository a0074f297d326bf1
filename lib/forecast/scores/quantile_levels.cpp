#include "forecast/scores/quantile_levels.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

namespace arzoo::forecast {
namespace {

constexpr double kSameLevel = 1e-9;

/// a + share (b - a).
at::Tensor on_line(const at::Tensor& a, const at::Tensor& b, double share) {
  return share == 0.0 ? a : at::lerp(a, b, share);
}

}  // namespace

int64_t place_of_level(const std::vector<double>& levels, double level) {
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (std::abs(levels[i] - level) < kSameLevel) return static_cast<int64_t>(i);
  }
  return -1;
}

at::Tensor interpolated_levels(const at::Tensor& quantiles, const std::vector<double>& levels,
                               const std::vector<double>& wanted) {
  std::vector<at::Tensor> found;
  for (const double level : wanted) {
    if (const auto own = place_of_level(levels, level); own >= 0) {
      found.push_back(quantiles.select(-1, own));
      continue;
    }
    const auto after = std::upper_bound(levels.begin(), levels.end(), level) - levels.begin();
    const auto last = static_cast<int64_t>(levels.size()) - 1;
    if (after == 0 || after > last) {
      found.push_back(quantiles.select(-1, after == 0 ? 0 : last));
      continue;
    }
    const auto i = static_cast<std::size_t>(after);
    found.push_back(on_line(quantiles.select(-1, after - 1), quantiles.select(-1, after),
                            (level - levels[i - 1]) / (levels[i] - levels[i - 1])));
  }
  return at::stack(found, -1);
}

at::Tensor sample_quantiles(const at::Tensor& samples, const std::vector<double>& wanted) {
  const auto sorted = std::get<0>(samples.sort(-1));
  const auto last = samples.size(-1) - 1;
  std::vector<at::Tensor> found;
  for (const double level : wanted) {
    const double rank = level * static_cast<double>(last);
    const auto below = std::clamp<int64_t>(static_cast<int64_t>(std::floor(rank)), 0, last);
    found.push_back(on_line(sorted.select(-1, below), sorted.select(-1, std::min(below + 1, last)),
                            std::clamp(rank - static_cast<double>(below), 0.0, 1.0)));
  }
  return at::stack(found, -1);
}

std::vector<double> level_masses(const std::vector<double>& levels) {
  std::vector<double> masses;
  double sum = 0.0;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const double before = i == 0 ? 0.0 : levels[i - 1], after = i + 1 == levels.size() ? 1.0 : levels[i + 1];
    masses.push_back((after - before) / 2.0);
    sum += masses.back();
  }
  for (auto& mass : masses) mass /= sum;
  return masses;
}

at::Tensor weighted_quantiles(const at::Tensor& samples, const at::Tensor& weights,
                              const std::vector<double>& wanted) {
  const auto [sorted, order] = samples.sort(-1);
  const auto reached = weights.to(samples.options()).index({order}).cumsum(-1);  // [..., S]
  const auto last = samples.size(-1) - 1;
  const auto sought = at::tensor(wanted, samples.options()).expand([&] {
    auto sizes = samples.sizes().vec();
    sizes.back() = static_cast<int64_t>(wanted.size());
    return sizes;
  }());
  const auto after = at::searchsorted(reached, sought.contiguous(), false, /*right=*/true).clamp_max(last);
  // A point of no weight stands before the first sample, with its value.
  const auto before = (after - 1).clamp_min(0);
  const auto weight_before = reached.gather(-1, before).masked_fill(after.eq(0), 0.0),
             weight_after = reached.gather(-1, after);
  const auto value_before = sorted.gather(-1, before), value_after = sorted.gather(-1, after);
  const auto share = ((sought - weight_before) / (weight_after - weight_before)).clamp(0.0, 1.0);
  return value_before + share * (value_after - value_before);
}

at::Tensor quantile_errors(const at::Tensor& quantiles, const at::Tensor& truth,
                           const std::vector<double>& levels) {
  const auto y = truth.unsqueeze(1), tau = at::tensor(levels, quantiles.options()).view({1, -1, 1});
  return 2.0 * ((y - quantiles) * (y.le(quantiles).to(quantiles.scalar_type()) - tau)).abs();
}

}  // namespace arzoo::forecast
