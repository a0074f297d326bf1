#pragma once

#include <algorithm>

#include "forecast/forecaster.h"
#include "forecast/zero_shot_model.h"

namespace arzoo::forecast {

/// A forecaster of single series that takes as much history as there is and looks as far ahead as it is asked
/// to: what a pre-trained model for series that it never saw must be.
class AnyLengthForecaster : public Forecaster, public ZeroShotModel {
 public:
  /// The `horizon` steps after each history. history: [R, T], rows of unequal length padded on the left with
  /// any finite number; attention_mask: [R, T], 0 at padding, undefined where there is none. Returns [R,
  /// horizon].
  virtual at::Tensor forecast_rows(const at::Tensor& history, const at::Tensor& attention_mask,
                                   int64_t horizon) = 0;

  /// The same for histories of unequal length, [T] float on the CPU each, in one batch on `device`; returns
  /// [R, horizon] float on the CPU.
  at::Tensor forecast_ragged(const std::vector<at::Tensor>& histories, int64_t horizon,
                             const at::Device& device);

  /// History and forecast together, at most: what its training told apart.
  void set_longest(int64_t steps) { longest_ = steps; }
  ZeroShotAbilities abilities() const override { return {}; }
  /// It has no options.
  void configure(const Config& options) override { options.only({}); }
  int64_t most_context(int64_t horizon) const override {
    return std::max<int64_t>(longest_ - horizon, longest_ / 2);
  }
  /// Each target by itself, standardised by the mean and the unbiased standard deviation of its history.
  std::vector<ZeroShotForecast> forecast_series(std::span<const ZeroShotSeries> series,
                                                const ZeroShotRequest& request) override;

  /// Each variate of the batch's windows by itself.
  at::Tensor forecast(const ForecastBatch& batch) override;

 protected:
  explicit AnyLengthForecaster(const SeriesShape& shape)
      : pred_len_(shape.pred_len), longest_(shape.seq_len) {}

 private:
  int64_t pred_len_, longest_;
};

/// [B, L, C] as [B * C, L]: every variate a series of its own.
at::Tensor variate_rows(const at::Tensor& windows);

}  // namespace arzoo::forecast
