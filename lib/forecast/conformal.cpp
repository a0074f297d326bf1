#include "forecast/conformal.h"

#include <torch/torch.h>

#include <cmath>

namespace arzoo::forecast {

ConformalScores ConformalScores::fit(const at::Tensor& residuals) {
  torch::NoGradGuard no_grad;
  const int64_t windows = residuals.size(0);
  if (windows == 0) return {};
  const auto sorted = std::get<0>(residuals.abs().sort(0));
  const int64_t kept = std::min(windows, kRanks);
  std::vector<int64_t> ranks;
  for (int64_t j = 1; j <= kept; ++j) {
    const auto rank = (j * (windows + 1) + kept) / (kept + 1);  // rounded up
    ranks.push_back(std::min(rank, windows) - 1);
  }
  return ConformalScores(sorted.index_select(0, at::tensor(ranks)).contiguous());
}

at::Tensor ConformalScores::half_width(double level, int64_t horizon) const {
  const int64_t kept = ranks_.size(0), steps = ranks_.size(1);
  const auto rank = static_cast<int64_t>(std::ceil(level * static_cast<double>(kept + 1) / 100.0));
  const auto measured = ranks_.select(0, std::clamp<int64_t>(rank, 1, kept) - 1);
  if (horizon <= steps) return measured.narrow(0, 0, horizon);
  const auto lead =
      at::arange(steps + 1, horizon + 1, at::kFloat).div(static_cast<double>(steps)).sqrt().unsqueeze(1);
  return at::cat({measured, measured.narrow(0, steps - 1, 1) * lead});
}

}  // namespace arzoo::forecast
