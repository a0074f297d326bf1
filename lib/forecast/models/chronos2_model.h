#pragma once

#include <algorithm>

#include "forecast/data/row_scale.h"
#include "forecast/forecaster.h"
#include "forecast/layers/residual_block.h"
#include "forecast/models/chronos2.h"
#include "forecast/models/chronos2_encoder.h"
#include "forecast/zero_shot_model.h"

/// Shapes: `B` rows (targets and covariates), `T` steps of history, `F` steps of known future, `P` steps of a
/// patch, `N` patches of history, `n` patches ahead, `Q` quantiles, `D` d_model.
namespace arzoo::forecast {

/// The options of the official predict().
struct Chronos2ForecastOptions {
  bool cross_learning = false;
  int64_t batch_size = 256;
  std::optional<int64_t> context_length;
  std::optional<int64_t> max_output_patches;
  std::vector<double> unrolled_quantiles = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};
  bool target_encoding = true;

  static void fields(auto& o, auto& field) {
    constexpr double kMost = SeriesShape::kMostSteps;
    field("cross_learning", o.cross_learning, {}, "the series of a batch inform each other");
    field("batch_size", o.batch_size, between(1, 1e6), "rows (targets and covariates) of a batch");
    field("context_length", o.context_length, between(1, kMost),
          "steps of history, at most the model's; null for as many");
    field("max_output_patches", o.max_output_patches, between(1, kMost),
          "patches of a pass; null: the model's");
    field("unrolled_quantiles", o.unrolled_quantiles, nonempty(between(0, 1)),
          "levels that are followed beyond one pass, of the model's");
    field("target_encoding", o.target_encoding, {},
          "categories of a series of one target become its mean where they occur; else their number");
  }
  void check() const { check_quantile_levels(unrolled_quantiles); }
};

/// What one pass reads.
struct Chronos2Input {
  at::Tensor context;               ///< [B, T] float, NaN where missing
  at::Tensor context_mask;          ///< [B, T], 0 where a value does not count; undefined: where it is NaN
  at::Tensor group_ids;             ///< [B] long; undefined: every row is its own group
  at::Tensor future_covariates;     ///< [B, F] float, NaN where unknown; undefined: nothing is known
  int64_t output_patches = 1;       ///< n
  runtime::Trace* trace = nullptr;  ///< collects intermediate results when given
};

/// What one pass finds out.
struct Chronos2Output {
  RowScale scale;
  at::Tensor normalised;   ///< [B, Q, n * P], in the model's scale
  at::Tensor future_mask;  ///< [B, n * P], 1 where the future is known; undefined: nowhere
};

/// A series' tokens, as other models may use them.
struct Chronos2Embedding {
  at::Tensor tokens;  ///< [B, N + 2, D]: history, REG, one patch ahead
  RowScale scale;
};

/// Chronos-2 (arXiv 2510.15821, Sec. 3).
class Chronos2 : public Forecaster, public ZeroShotModel {
 public:
  Chronos2(const Chronos2Options& options, const SeriesShape& shape);

  const Chronos2Options& options() const { return options_; }
  int64_t patch() const { return options_.chronos_config.input_patch_size; }
  int64_t context_length() const { return options_.chronos_config.context_length; }
  const std::vector<double>& levels() const { return options_.chronos_config.quantiles; }

  Chronos2Output run(const Chronos2Input& input) const;
  /// The quantiles in the units of the rows, [B, Q, n * P].
  at::Tensor quantiles(const Chronos2Input& input) const;
  Chronos2Embedding embed(const Chronos2Input& input) const;
  /// The official loss of a pass: twice the pinball loss in the model's scale, summed over the quantiles,
  /// averaged over all rows and all n * P steps; steps that are missing in `target` or known as covariates
  /// count as 0. target: [B, H] float, H at most n * P, NaN where it does not count.
  at::Tensor official_loss(const Chronos2Input& input, const at::Tensor& target) const;

  /// The variates of a window as one group.
  at::Tensor forecast(const ForecastBatch& batch) override;
  runtime::Losses loss(const ForecastBatch& batch) override;

  ZeroShotAbilities abilities() const override { return {true, true, true, true}; }
  void configure(const Config& options) override;
  int64_t most_context(int64_t) const override {
    return std::min(forecast_options_.context_length.value_or(context_length()), context_length());
  }
  std::vector<ZeroShotForecast> forecast_series(std::span<const ZeroShotSeries> series,
                                                const ZeroShotRequest& request) override;

 private:
  struct Tokens;
  Tokens tokens_of(const Chronos2Input& input) const;
  at::Tensor embedded(const at::Tensor& time, const at::Tensor& values, const at::Tensor& mask) const;
  Chronos2Input input_of(const ForecastBatch& batch) const;

  Chronos2Options options_;
  Chronos2ForecastOptions forecast_options_;
  int64_t pred_len_;
  std::shared_ptr<T5Shared> shared_;
  std::shared_ptr<ResidualBlock> input_patch_embedding_, output_patch_embedding_;
  std::shared_ptr<Chronos2Encoder> encoder_;
};

}  // namespace arzoo::forecast
