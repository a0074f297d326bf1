#pragma once

#include <cmath>
#include <map>
#include <vector>

#include "core/json.h"
#include "forecast/scores/distribution.h"
#include "runtime/metrics.h"

namespace arzoo::forecast {

/// Scores of forecast distributions, summed up cell by cell. A cell that was not measured is NaN in the truth
/// and counts nowhere.
class DistributionScores {
 public:
  /// Levels of the quantile losses.
  static const std::vector<double>& levels();

  /// naive: mean absolute error of the series' seasonal naive forecast, NaN where it has none.
  void add(const Distribution& distribution, const at::Tensor& truth, double naive = NAN);

  /// All that the other has summed up.
  void add(const DistributionScores& other);
  /// What the group's other processes have.
  void add_parts(runtime::ProcessGroup& group);

  int64_t count() const { return count_; }
  /// Mean continuous ranked probability score.
  double crps() const { return crps_ / static_cast<double>(count_); }
  /// Weighted quantile loss: quantile losses over levels times the sum of magnitudes of the truth; NaN where
  /// that is 0.
  double wql() const;
  /// Scaled quantile loss: the mean quantile loss over the seasonal naive error; NaN where no series has one.
  double sql() const;

 private:
  double crps_ = 0.0, losses_ = 0.0, magnitudes_ = 0.0, scaled_ = 0.0;
  int64_t count_ = 0, scaled_count_ = 0;
};

/// How often intervals of one level hold the truth, and how wide they are.
class IntervalScores {
 public:
  void add(const at::Tensor& low, const at::Tensor& high, const at::Tensor& truth);

  void add(const IntervalScores& other);
  void add_parts(runtime::ProcessGroup& group);

  int64_t count() const { return count_; }
  double coverage() const { return static_cast<double>(covered_) / static_cast<double>(count_); }
  double width() const { return width_ / static_cast<double>(count_); }

 private:
  double width_ = 0.0;
  int64_t covered_ = 0, count_ = 0;
};

/// Errors of the seasonal naive forecast of one series, which scale its errors; NaN where it has none.
struct NaiveScale {
  double absolute = NAN;  ///< runtime::seasonal_naive_error
  double squared = NAN;   ///< runtime::seasonal_naive_square
};

/// All scores of one series over several windows, or of all series.
class ForecastScores {
 public:
  /// forecast, truth: [horizon].
  void add(const at::Tensor& forecast, const at::Tensor& truth, const NaiveScale& naive);
  /// distribution: cells [horizon].
  void add(const Distribution& distribution, const at::Tensor& truth, const NaiveScale& naive) {
    distributions_.add(distribution, truth, naive.absolute);
  }
  /// level: in percent.
  void add_interval(double level, const at::Tensor& low, const at::Tensor& high, const at::Tensor& truth) {
    intervals_[level].add(low, high, truth);
  }
  /// Share of truths at or below the quantile.
  void add_quantile(double level, const at::Tensor& quantile, const at::Tensor& truth) {
    below_[level].add(at::full_like(quantile, -INFINITY), quantile, truth);
  }

  /// All that the other has summed up.
  void add(const ForecastScores& other);

  /// {"scored", "mse", "mae", "mase", "rmsse", "smape"[, "crps", "wql", "sql"][, "coverage": {level: share},
  /// "width": {level: mean}][, "below": {level: share}]}; null where there is no such number.
  Json json() const;

 private:
  runtime::ErrorSums errors_;
  double scaled_ = 0.0, scaled_squares_ = 0.0;  // errors over those of the seasonal naive forecast, summed
  int64_t scaled_count_ = 0;
  DistributionScores distributions_;
  std::map<double, IntervalScores> intervals_, below_;
};

}  // namespace arzoo::forecast
