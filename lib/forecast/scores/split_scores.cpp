#include "forecast/scores/split_scores.h"

#include <torch/torch.h>

#include "runtime/process_group.h"

namespace arzoo::forecast {

void SplitScores::add(const at::Tensor& forecast, const at::Tensor& truth, const at::Tensor& measured,
                      const Distribution& distribution) {
  errors_.add(forecast, truth, measured);
  const auto known = measured.defined() ? at::where(measured, truth, NAN) : truth;
  if (options_.loss == "huber") {
    const auto losses = at::huber_loss(forecast, known, at::Reduction::None, options_.huber_delta);
    huber_ += losses.nansum(at::IntArrayRef(), false, at::kDouble).item<double>();
  }
  if (!distribution.defined()) return;
  distributions_.add(distribution, known);
  interval_.add(distribution.quantile(0.1), distribution.quantile(0.9), known);
}

void SplitScores::add_parts(runtime::ProcessGroup& group) {
  errors_.add_parts(group);
  distributions_.add_parts(group);
  interval_.add_parts(group);
  runtime::sum_over(group, huber_);
}

runtime::Metrics SplitScores::metrics() const {
  if (errors_.count() == 0) return {};
  const std::pair<std::string, double> mse{"mse", errors_.mse()}, mae{"mae", errors_.mae()};
  if (options_.has_distribution())
    return {{"crps", distributions_.crps()},       {"wql", distributions_.wql()},  mse, mae,
            {"coverage_80", interval_.coverage()}, {"width_80", interval_.width()}};
  if (options_.loss == "mae") return {mae, mse};
  if (options_.loss == "huber") return {{"huber", huber_ / static_cast<double>(errors_.count())}, mse, mae};
  return {mse, mae};
}

}  // namespace arzoo::forecast
