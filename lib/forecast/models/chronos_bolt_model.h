#pragma once

#include "forecast/data/row_scale.h"
#include "forecast/forecaster.h"
#include "forecast/layers/residual_block.h"
#include "forecast/layers/t5_layers.h"
#include "forecast/models/chronos_bolt.h"
#include "forecast/zero_shot_model.h"

/// Shapes: `B` series, `T` steps of history, `N` patches, `H` prediction_length, `Q` quantiles, `D` d_model.
namespace arzoo::forecast {

/// Distances between tokens as a bias per head (T5, Sec. 2.1), of the first block for all.
class RelativeBias : public torch::nn::Module {
 public:
  explicit RelativeBias(const ChronosBoltOptions& options);
  /// [1, heads, tokens, tokens], of query i and key j by j - i in both directions.
  at::Tensor forward(int64_t tokens) const;
  void initialise(double factor);

 private:
  int64_t buckets_, max_distance_;
  at::Tensor weight_;  ///< [buckets, heads]
};

/// The encoder or the decoder of T5.
class BoltStack : public torch::nn::Module {
 public:
  BoltStack(const ChronosBoltOptions& options, bool is_decoder);
  /// tokens: [B, S, D]; mask: [B, S] bool, undefined: none is masked; returns [B, S, D].
  at::Tensor encode(const at::Tensor& tokens, const at::Tensor& mask, runtime::Trace* trace) const;
  /// One token that sees itself and the encoder's tokens. token: [B, 1, D]; encoded: [B, S, D].
  at::Tensor decode(const at::Tensor& token, const at::Tensor& encoded, const at::Tensor& mask,
                    runtime::Trace* trace) const;
  void initialise(double factor);

 private:
  struct Block {
    std::shared_ptr<T5AttentionLayer> self, cross;
    std::shared_ptr<T5FeedForwardLayer> feed_forward;
  };
  at::Tensor dropped_out(const at::Tensor& x) const;

  double dropout_;
  std::vector<Block> blocks_;
  std::shared_ptr<RelativeBias> bias_;
  std::shared_ptr<nn::RmsNorm> final_layer_norm_;
};

/// Options of Bolt's forecasts.
struct BoltForecastOptions {
  int64_t batch_size = 256;
  static void fields(auto& o, auto& field) {
    field("batch_size", o.batch_size, between(1, 1e6), "series of a batch");
  }
};

/// What one pass finds out.
struct BoltOutput {
  RowScale scale;
  at::Tensor normalised;  ///< [B, Q, H] in the model's scale
};

/// Chronos-Bolt.
class ChronosBolt : public Forecaster, public ZeroShotModel {
 public:
  ChronosBolt(const ChronosBoltOptions& options, const SeriesShape& shape);

  const ChronosBoltOptions& options() const { return options_; }
  const std::vector<double>& levels() const { return options_.chronos_config.quantiles; }
  int64_t context_length() const { return options_.chronos_config.context_length; }

  /// context: [B, T] float, NaN where missing.
  BoltOutput run(const at::Tensor& context, runtime::Trace* trace = nullptr) const;
  /// The encoder's tokens, [B, N + 1, D], and the scale.
  std::pair<at::Tensor, RowScale> embed(const at::Tensor& context) const;
  /// The quantiles of the next prediction_length steps in the units of the rows, [B, Q, H].
  at::Tensor quantiles(const at::Tensor& context) const;
  /// The quantiles of any horizon, [B, Q, horizon]: beyond the first pass every row is followed along each of
  /// its quantiles, and the quantiles of all these paths are taken together. No autograd.
  at::Tensor unrolled(const at::Tensor& context, int64_t horizon) const;
  /// The official loss: twice the pinball loss in the model's scale, averaged over the quantiles, summed over
  /// the steps, averaged over the rows. target: [B, at most H], NaN where it does not count.
  at::Tensor official_loss(const at::Tensor& context, const at::Tensor& target) const;

  at::Tensor forecast(const ForecastBatch& batch) override;
  runtime::Losses loss(const ForecastBatch& batch) override;

  ZeroShotAbilities abilities() const override { return {.quantiles = true, .gaps = true}; }
  void configure(const Config& options) override { forecast_options_ = options.as<BoltForecastOptions>(); }
  int64_t most_context(int64_t) const override { return context_length(); }
  std::vector<ZeroShotForecast> forecast_series(std::span<const ZeroShotSeries> series,
                                                const ZeroShotRequest& request) override;

 private:
  struct Encoded {
    RowScale scale;
    at::Tensor tokens, mask;
  };
  Encoded encode(const at::Tensor& context, runtime::Trace* trace) const;

  ChronosBoltOptions options_;
  BoltForecastOptions forecast_options_;
  int64_t pred_len_;
  std::shared_ptr<T5Shared> shared_;
  std::shared_ptr<ResidualBlock> input_patch_embedding_, output_patch_embedding_;
  std::shared_ptr<BoltStack> encoder_, decoder_;
};

/// Quantiles of the wanted levels as the official predict_quantiles gives them: the model's own where all are
/// its own; else torch.quantile of the quantiles with the first and the last doubled. quantiles: [..., Q];
/// returns [..., W].
at::Tensor bolt_levels(const at::Tensor& quantiles, const std::vector<double>& levels,
                       const std::vector<double>& wanted);

}  // namespace arzoo::forecast
