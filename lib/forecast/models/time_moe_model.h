#pragma once

#include <vector>

#include "forecast/any_length_forecaster.h"
#include "forecast/models/time_moe.h"
#include "forecast/models/time_moe_layers.h"
#include "forecast/models/time_moe_loss.h"
#include "forecast/models/time_moe_roll_out.h"
#include "nn/packed_sequences.h"

/// Shapes: `B` series, `T` time points, `C` input_size, `P` steps of a head, `D` hidden_size.
namespace arzoo::forecast {

/// What one pass reads.
struct TimeMoeInput {
  at::Tensor values;                  ///< [B, T] or [B, T, C], normalised
  at::Tensor attention_mask;          ///< [B, past + T], 0 where there is padding; undefined: nowhere
  at::Tensor position_ids;            ///< [B, T] long; undefined: past, past + 1, …
  nn::DecoderCache* cache = nullptr;  ///< the tokens before these, to which they are added
  /// Series one behind the other, B 1, each with a cache of its own, in place of `cache`.
  std::vector<nn::CachedSequence> sequences = {};
  runtime::Trace* trace = nullptr;  ///< collects intermediate results when given
};

/// What one pass finds out, before any head.
struct TimeMoeStates {
  at::Tensor hidden;                      ///< [B, T, D] after the last norm
  std::vector<at::Tensor> router_logits;  ///< [B * T, experts] of each layer; empty where it is dense
};

/// One pass of a generation, for observers.
struct GenerationStep {
  int64_t input_len = 0, max_horizon = 0, output_len = 0;
  at::Tensor position_ids;  ///< [B, input_len]
  at::Tensor last_logits;   ///< [B, output_len]
};

/// The embedding, the layers and the last norm.
class TimeMoeDecoder : public torch::nn::Module {
 public:
  explicit TimeMoeDecoder(const TimeMoeOptions& options);
  TimeMoeStates forward(const TimeMoeInput& input);

 private:
  nn::Decoder decoder_;
  std::shared_ptr<PointEmbedding> embed_layer_;
  nn::DecoderWeights weights_;
};

/// Time-MoE with its heads, each of which forecasts another number of steps (multi-resolution forecasting,
/// Sec. 3.2).
class TimeMoe : public AnyLengthForecaster {
 public:
  TimeMoe(const TimeMoeOptions& options, const SeriesShape& shape);

  TimeMoeStates states(const TimeMoeInput& input) { return decoder_->forward(input); }
  /// The head's forecasts from every token, [B, T, P * C], the channels of a step side by side.
  at::Tensor logits(const at::Tensor& hidden, std::size_t head);
  /// The forecasts of the longest head of the ascending row of heads that does not look beyond
  /// `max_horizon`; of the first one, cut, when even that does.
  at::Tensor logits_within(const at::Tensor& hidden, int64_t max_horizon);

  /// The official greedy schedule: each pass forecasts as many steps at once as a head can without looking
  /// beyond the horizon, and they are the next pass's tokens. context: [B, T], padded on the left where
  /// `attention_mask` [B, T] is 0; horizon: at least 1; `steps` receives the passes. Returns
  /// [B, T + horizon], the context included, in the weights' type. No autograd.
  at::Tensor generate(const at::Tensor& context, int64_t horizon, const at::Tensor& attention_mask = {},
                      std::vector<GenerationStep>* steps = nullptr);

  /// Step by step: each is that of the first head, one step ahead of all before it. A longer head drafts the
  /// steps behind it and the next pass verifies them (options.tolerance). As generate; returns [B, horizon].
  /// counts: added to.
  at::Tensor roll_out(const at::Tensor& context, int64_t horizon, const at::Tensor& attention_mask,
                      const TimeMoeForecastOptions& options, RollOutCounts* counts = nullptr);
  void configure(const Config& options) override {
    forecast_options_ = options.as<TimeMoeForecastOptions>();
    counts_ = {};
  }
  Json decoding() const override;

  /// The training loss of a pass. labels: [B, T] or [B, T, C], the value after each token; loss_masks:
  /// [B, T], 0 where it does not count, undefined for a plain mean over all windows; joint: where the batch
  /// is a part of one.
  TimeMoeLoss official_loss(const TimeMoeInput& input, const at::Tensor& labels, const at::Tensor& loss_masks,
                            const runtime::JointSum& joint = {});

  at::Tensor forecast_rows(const at::Tensor& history, const at::Tensor& attention_mask,
                           int64_t horizon) override;
  /// official_loss of each variate's history and target in one row.
  runtime::Losses loss(const ForecastBatch& batch) override;

 private:
  at::ScalarType type() const;
  /// The next steps by the shortest head that reaches so far, or the longest: [steps or fewer]. hidden: [1,
  /// 1, D].
  at::Tensor drafted(const at::Tensor& hidden, int64_t steps);

  TimeMoeOptions options_;
  TimeMoeForecastOptions forecast_options_;
  RollOutCounts counts_;
  std::shared_ptr<TimeMoeDecoder> decoder_;
  std::vector<torch::nn::Linear> heads_;
};

}  // namespace arzoo::forecast
