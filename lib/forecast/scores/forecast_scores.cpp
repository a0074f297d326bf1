#include "forecast/scores/forecast_scores.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include "runtime/process_group.h"

namespace arzoo::forecast {
namespace {

int64_t measured_cells(const at::Tensor& truth) { return truth.isnan().logical_not().sum().item<int64_t>(); }

double sum_of(const at::Tensor& values) { return values.nansum().item<double>(); }

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

}  // namespace

const std::vector<double>& DistributionScores::levels() {
  static const std::vector<double> levels{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};
  return levels;
}

void DistributionScores::add(const Distribution& distribution, const at::Tensor& truth, double naive) {
  torch::NoGradGuard no_grad;
  crps_ += sum_of(distribution.crps(truth));
  double losses = 0.0;
  for (const double level : levels())
    losses += sum_of(runtime::quantile_loss(distribution.quantile(level), truth, level).to(at::kDouble));
  const auto cells = measured_cells(truth);
  losses_ += losses;
  magnitudes_ += sum_of(truth.abs().to(at::kDouble));
  count_ += cells;
  if (std::isnan(naive)) return;
  scaled_ += losses / naive;
  scaled_count_ += cells;
}

void DistributionScores::add(const DistributionScores& other) {
  crps_ += other.crps_;
  losses_ += other.losses_;
  magnitudes_ += other.magnitudes_;
  scaled_ += other.scaled_;
  count_ += other.count_;
  scaled_count_ += other.scaled_count_;
}

void DistributionScores::add_parts(runtime::ProcessGroup& group) {
  runtime::sum_over(group, crps_, losses_, magnitudes_, scaled_, count_, scaled_count_);
}

double DistributionScores::wql() const {
  return magnitudes_ > 0.0 ? losses_ / (static_cast<double>(levels().size()) * magnitudes_) : NAN;
}

double DistributionScores::sql() const {
  return scaled_ / (static_cast<double>(levels().size()) * static_cast<double>(scaled_count_));
}

void IntervalScores::add(const at::Tensor& low, const at::Tensor& high, const at::Tensor& truth) {
  torch::NoGradGuard no_grad;
  covered_ += low.le(truth).logical_and(truth.le(high)).sum().item<int64_t>();
  width_ += sum_of(at::where(truth.isnan(), NAN, high - low).to(at::kDouble));
  count_ += measured_cells(truth);
}

void IntervalScores::add(const IntervalScores& other) {
  width_ += other.width_;
  covered_ += other.covered_;
  count_ += other.count_;
}

void IntervalScores::add_parts(runtime::ProcessGroup& group) {
  runtime::sum_over(group, width_, covered_, count_);
}

void ForecastScores::add(const ForecastScores& other) {
  errors_.add(other.errors_);
  scaled_ += other.scaled_;
  scaled_squares_ += other.scaled_squares_;
  scaled_count_ += other.scaled_count_;
  distributions_.add(other.distributions_);
  for (const auto& [level, scores] : other.intervals_) intervals_[level].add(scores);
  for (const auto& [level, scores] : other.below_) below_[level].add(scores);
}

void ForecastScores::add(const at::Tensor& forecast, const at::Tensor& truth, const NaiveScale& naive) {
  errors_.add(forecast, truth, truth.isnan().logical_not());
  if (std::isnan(naive.absolute)) return;
  const auto error = (forecast - truth).abs();
  scaled_ += sum_of(error) / naive.absolute;
  scaled_squares_ += sum_of(error.square()) / naive.squared;
  scaled_count_ += measured_cells(truth);
}

Json ForecastScores::json() const {
  const auto count = errors_.count();
  const auto scored = static_cast<double>(scaled_count_);
  Json result{
      {"scored", count}, {"mse", number_or_null(errors_.mse())}, {"mae", number_or_null(errors_.mae())}};
  result["mase"] = number_or_null(scaled_ / scored);
  result["rmsse"] = number_or_null(std::sqrt(scaled_squares_ / scored));
  result["smape"] = number_or_null(errors_.smape());
  if (distributions_.count() > 0) {
    result["crps"] = number_or_null(distributions_.crps());
    result["wql"] = number_or_null(distributions_.wql());
    result["sql"] = number_or_null(distributions_.sql());
  }
  for (const auto& [level, scores] : intervals_) {
    const auto name = fmt::format("{:g}", level);
    result["coverage"][name] = number_or_null(scores.coverage());
    result["width"][name] = number_or_null(scores.width());
  }
  for (const auto& [level, scores] : below_)
    result["below"][fmt::format("{:g}", level)] = number_or_null(scores.coverage());
  return result;
}

}  // namespace arzoo::forecast
