#include "runtime/metrics.h"

#include <torch/torch.h>

#include <cmath>

#include "runtime/process_group.h"

namespace arzoo::runtime {

void ErrorSums::add(const at::Tensor& forecast, const at::Tensor& truth, const at::Tensor& counts) {
  torch::NoGradGuard no_grad;
  const auto chosen = [&](const at::Tensor& values) {
    return (counts.defined() ? values.masked_select(counts) : values).to(at::kDouble);
  };
  const auto f = chosen(forecast), y = chosen(truth);
  const auto difference = (f - y).abs();
  const auto size = f.abs() + y.abs();
  squared_ += difference.square().sum().item<double>();
  absolute_ += difference.sum().item<double>();
  symmetric_ += at::where(size > 0, 200.0 * difference / size, at::zeros_like(size)).sum().item<double>();
  count_ += difference.numel();
}

void ErrorSums::add(const ErrorSums& other) {
  squared_ += other.squared_;
  absolute_ += other.absolute_;
  symmetric_ += other.symmetric_;
  count_ += other.count_;
}

void ErrorSums::add_parts(ProcessGroup& group) { sum_over(group, squared_, absolute_, symmetric_, count_); }

double ErrorSums::mse() const { return squared_ / static_cast<double>(count_); }
double ErrorSums::mae() const { return absolute_ / static_cast<double>(count_); }
double ErrorSums::smape() const { return symmetric_ / static_cast<double>(count_); }

at::Tensor seasonal_naive_error(const at::Tensor& history, int64_t season) {
  const int64_t pairs = history.size(0) - season;
  if (pairs < 1) return at::full({history.size(1)}, NAN, history.options());
  const auto error = (history.narrow(0, season, pairs) - history.narrow(0, 0, pairs)).abs().nanmean(0);
  return error.masked_fill(error <= kExactRepeat * history.abs().nanmean(0), NAN);
}

at::Tensor seasonal_naive_square(const at::Tensor& history, int64_t season) {
  // Where there is no such error there is no such square.
  const auto error = seasonal_naive_error(history, season);
  const int64_t pairs = history.size(0) - season;
  if (pairs < 1) return error;
  const auto square = (history.narrow(0, season, pairs) - history.narrow(0, 0, pairs)).square().nanmean(0);
  return square.masked_fill(error.isnan(), NAN);
}

at::Tensor quantile_loss(const at::Tensor& quantile, const at::Tensor& truth, double level) {
  const auto over = quantile - truth;
  return at::maximum(over * (1.0 - level), over * -level) * 2.0;
}

}  // namespace arzoo::runtime
