#include "runtime/metrics.h"

#include <torch/torch.h>

namespace arzoo::runtime {

void ErrorSums::add(const at::Tensor& forecast, const at::Tensor& truth) {
  torch::NoGradGuard no_grad;
  const auto f = forecast.to(at::kDouble), y = truth.to(at::kDouble);
  const auto difference = (f - y).abs();
  const auto size = f.abs() + y.abs();
  squared_ += difference.square().sum().item<double>();
  absolute_ += difference.sum().item<double>();
  symmetric_ += at::where(size > 0, 200.0 * difference / size, at::zeros_like(size)).sum().item<double>();
  count_ += difference.numel();
}

double ErrorSums::mse() const { return squared_ / static_cast<double>(count_); }
double ErrorSums::mae() const { return absolute_ / static_cast<double>(count_); }
double ErrorSums::smape() const { return symmetric_ / static_cast<double>(count_); }

at::Tensor seasonal_naive_error(const at::Tensor& history, int64_t season) {
  const int64_t length = history.size(0);
  season = std::min(season, length - 1);
  if (season < 1) return at::zeros({history.size(1)}, history.options());
  return (history.narrow(0, season, length - season) - history.narrow(0, 0, length - season)).abs().mean(0);
}

}  // namespace arzoo::runtime
