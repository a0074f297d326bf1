#pragma once

#include "forecast/loss_options.h"
#include "forecast/scores/forecast_scores.h"

namespace arzoo::runtime {
class ProcessGroup;
}

namespace arzoo::forecast {

/// The errors of a model on a split of its data, as its loss wants them; the first is what early stopping
/// watches.
class SplitScores {
 public:
  explicit SplitScores(LossOptions options) : options_(std::move(options)) {}

  /// forecast, truth: the same shape; measured: bool of it, undefined: all cells count; distribution: of
  /// those cells, undefined for a point forecast.
  void add(const at::Tensor& forecast, const at::Tensor& truth, const at::Tensor& measured,
           const Distribution& distribution);
  /// What the other processes of the group have added, each of them on windows of its own.
  void add_parts(runtime::ProcessGroup& group);
  /// Nothing when no cell was measured.
  runtime::Metrics metrics() const;

 private:
  LossOptions options_;
  runtime::ErrorSums errors_;
  double huber_ = 0.0;
  DistributionScores distributions_;
  IntervalScores interval_;
};

}  // namespace arzoo::forecast
