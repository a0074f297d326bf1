#include "forecast/baselines/baselines.h"

#include <torch/torch.h>

namespace arzoo::forecast {
namespace {

at::Tensor with_constant(const at::Tensor& differences) {
  return at::cat({differences, at::ones({differences.size(0), 1}, differences.options())}, 1);
}

}  // namespace

at::Tensor seasonal_naive(const at::Tensor& history, int64_t horizon, int64_t season) {
  const auto steps = at::arange(horizon, history.options().dtype(at::kLong)).remainder(season);
  return history.narrow(1, history.size(1) - season, season).index_select(1, steps);
}

LinearBaseline::LinearBaseline(int64_t context, int64_t horizon)
    : squares_(at::zeros({context + 1, context + 1}, at::kDouble)),
      products_(at::zeros({context + 1, horizon}, at::kDouble)) {}

void LinearBaseline::add(const at::Tensor& history, const at::Tensor& future) {
  const auto last = history.narrow(1, history.size(1) - 1, 1);
  const auto inputs = with_constant((history - last).to(at::kDouble));
  squares_.addmm_(inputs.t(), inputs);
  products_.addmm_(inputs.t(), (future - last).to(at::kDouble));
  windows_ += history.size(0);
}

void LinearBaseline::solve() {
  const auto shrinking =
      at::eye(squares_.size(0), squares_.options()) * (kRidge * static_cast<double>(windows_));
  weights_ = at::linalg_solve(squares_ + shrinking, products_);
}

at::Tensor LinearBaseline::forecast(const at::Tensor& history) const {
  const auto last = history.narrow(1, history.size(1) - 1, 1);
  return at::matmul(with_constant((history - last).to(at::kDouble)), weights_).to(history.scalar_type()) +
         last;
}

}  // namespace arzoo::forecast
