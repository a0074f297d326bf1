#pragma once

#include "forecast/forecaster.h"
#include "forecast/layers/residual_block.h"
#include "forecast/models/timesfm.h"
#include "forecast/models/timesfm_layers.h"
#include "forecast/zero_shot_model.h"

/// Shapes: `B` rows, `N` patches of `P` steps, `O` output_patch_len, `S` output_quantile_len, `K` channels
/// (the mean, then the quantiles), `D` model_dims.
namespace arzoo::forecast {

/// Running statistics of rows, [B] float each.
struct RunningStats {
  at::Tensor count, mean, deviation;  ///< population standard deviation

  static RunningStats none(int64_t rows, const at::TensorOptions& options);
  /// With the patch's points as well. values: [B, P]; mask: [B, P] bool, true at padding.
  RunningStats with(const at::Tensor& values, const at::Tensor& mask) const;
};

/// What the network says of one pass.
struct TimesFmTokens {
  at::Tensor input_embeddings;          ///< [B, T, D]
  at::Tensor output_embeddings;         ///< [B, T, D]
  std::vector<at::Tensor> layers = {};  ///< each layer's output, where they are kept
};

/// What decode() finds out, in the units of its input.
struct TimesFmDecoded {
  at::Tensor outputs;          ///< [B, N, O, K] of every patch, or [B, 1, O, K] of the last one
  at::Tensor quantile_spread;  ///< [B, S, K] of the last patch
  at::Tensor ar_outputs;       ///< [B, passes, O, K]; undefined without further passes
};

/// Intermediate results of decode(), by pass, for parity.
struct TimesFmTrace {
  struct Pass {
    at::Tensor normed_inputs;
    TimesFmTokens tokens;
  };
  std::vector<Pass> passes;
  at::Tensor patch_mean, patch_deviation;  ///< [B, N]
};

/// The flags of the official ForecastConfig.
struct TimesFmFlags {
  int64_t max_context = 0, max_horizon = 0;  ///< rounded up to whole patches
  bool normalize_inputs = false;
  bool use_continuous_quantile_head = false;
  bool force_flip_invariance = true;
  bool infer_is_positive = true;
  bool fix_quantile_crossing = false;
  bool return_backcast = false;

  static void fields(auto& o, auto& field) {
    field("max_context", o.max_context, at_least(0), "steps of history");
    field("max_horizon", o.max_horizon, at_least(0), "steps ahead, at most");
    field("normalize_inputs", o.normalize_inputs, {}, "standardise each padded row");
    field("use_continuous_quantile_head", o.use_continuous_quantile_head, {},
          "take the quantiles' distances from the median of the long head");
    field("force_flip_invariance", o.force_flip_invariance, {}, "average with the negative's forecast");
    field("infer_is_positive", o.infer_is_positive, {},
          "series without a negative value get no negative forecast");
    field("fix_quantile_crossing", o.fix_quantile_crossing, {}, "make the quantiles ascend");
    field("return_backcast", o.return_backcast, {}, "forecasts of the history in front");
  }
};

/// Options of its forecasts: the flags of the official example by default, and the context.
struct TimesFmForecastOptions {
  std::optional<int64_t> max_context;
  bool normalize_inputs = true;
  bool use_continuous_quantile_head = true;
  bool force_flip_invariance = true;
  bool infer_is_positive = true;
  bool fix_quantile_crossing = true;
  int64_t batch_size = 256;

  static void fields(auto& o, auto& field) {
    field("max_context", o.max_context, between(1, SeriesShape::kMostSteps),
          "steps of history, to which shorter series are padded; null for each series' own length");
    field("normalize_inputs", o.normalize_inputs, {}, "standardise each padded history");
    field("use_continuous_quantile_head", o.use_continuous_quantile_head, {},
          "take the quantiles' distances from the median of the long head, where the horizon fits");
    field("force_flip_invariance", o.force_flip_invariance, {}, "average with the negative's forecast");
    field("infer_is_positive", o.infer_is_positive, {},
          "series without a negative value get no negative forecast");
    field("fix_quantile_crossing", o.fix_quantile_crossing, {}, "make the quantiles ascend");
    field("batch_size", o.batch_size, between(1, 1e6), "series of a batch");
  }
};

/// TimesFM 2.5.
class TimesFm : public Forecaster, public ZeroShotModel {
 public:
  TimesFm(const TimesFmOptions& options, const SeriesShape& shape);

  const TimesFmOptions& options() const { return options_; }
  int64_t median_channel() const { return options_.channels() / 2; }

  /// inputs: [B, T, P] normalised; mask: [B, T, P] bool, true at padding; padded_patches: [B] long, padded
  /// patches at the start of each row; undefined: none. `cache`: of each layer, may be null.
  TimesFmTokens tokens(const at::Tensor& inputs, const at::Tensor& mask, const at::Tensor& padded_patches,
                       std::vector<nn::KvCache>* cache, bool keep_layers = false) const;
  /// The heads of tokens [..., D]: [..., O, K] and [..., S, K].
  at::Tensor point_head(const at::Tensor& embeddings) const;
  at::Tensor quantile_head(const at::Tensor& embeddings) const;

  /// Forecasts of at least `horizon` steps after rows of whole patches. inputs: [B, N * P] float; mask:
  /// [B, N * P] bool, true at padding, which is leading. `all_patches`: outputs of every patch.
  TimesFmDecoded decode(int64_t horizon, const at::Tensor& inputs, const at::Tensor& mask, bool all_patches,
                        TimesFmTrace* trace = nullptr) const;

  /// The official forecast(): series [T] float each, NaN where missing. Returns [B, horizon, K], after
  /// (max_context - P) steps of backcast where that is wanted. No autograd. Throws DataError for a series of
  /// no value (`names` says which), UsageError for a horizon beyond the flags.
  at::Tensor forecast_with_flags(const std::vector<at::Tensor>& series, int64_t horizon,
                                 const TimesFmFlags& flags, std::span<const std::string> names = {}) const;
  /// The official forecast_naive(): one series without missing values, no flags; returns [horizon, K].
  at::Tensor forecast_naive(const at::Tensor& series, int64_t horizon) const;

  at::Tensor forecast(const ForecastBatch& batch) override;
  /// Not official: the squared error of the mean and the pinball loss of the quantiles, of both heads after
  /// the last patch, in normalised units.
  runtime::Losses loss(const ForecastBatch& batch) override;

  ZeroShotAbilities abilities() const override { return {.quantiles = true, .gaps = true, .backcast = true}; }
  void configure(const Config& options) override;
  int64_t most_context(int64_t horizon) const override;
  std::vector<ZeroShotForecast> forecast_series(std::span<const ZeroShotSeries> series,
                                                const ZeroShotRequest& request) override;

  /// The flags of forecast_series.
  TimesFmFlags flags_for(int64_t horizon) const;

 private:
  TimesFmOptions options_;
  TimesFmForecastOptions forecast_options_;
  int64_t pred_len_;
  std::shared_ptr<ResidualBlock> tokenizer_, output_projection_point_, output_projection_quantiles_;
  std::vector<std::shared_ptr<TimesFmLayer>> layers_;
};

/// A series as TimesFM reads it: without missing values at the start, those inside along a line, those at
/// the end repeating the last value. series: [T] float; returns [at most T], empty where there is no value.
at::Tensor without_gaps(const at::Tensor& series);

}  // namespace arzoo::forecast
