#pragma once

#include "core/config.h"
#include "forecast/series_shape.h"

namespace arzoo::forecast {

/// TimesFM 2.5 (Das et al., A decoder-only foundation model for time-series forecasting, ICML 2024; its
/// release 2.5): a decoder over patches of one series that forecasts longer patches, and quantiles of a long
/// horizon at once. Names are those of the official classes, defaults those of
/// google/timesfm-2.5-200m-pytorch.
struct TimesFmOptions {
  static constexpr std::string_view kName = "timesfm";
  static constexpr std::string_view kPaper = "Das et al., TimesFM, ICML 2024 (2.5)";
  static constexpr bool kChannelIndependent = true;
  static constexpr bool has_own_loss() { return true; }

  int64_t model_dims = 1280;
  int64_t hidden_dims = 1280;
  int64_t num_layers = 20;
  int64_t num_heads = 16;
  int64_t input_patch_len = 32;
  int64_t output_patch_len = 128;
  int64_t output_quantile_len = 1024;
  std::vector<double> quantiles = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};
  int64_t context_limit = 16384;
  double rope_theta = 10000.0;

  int64_t head_dim() const { return model_dims / num_heads; }
  /// Channels of an output: the mean, then the quantiles.
  int64_t channels() const { return static_cast<int64_t>(quantiles.size()) + 1; }

  static void fields(auto& o, auto& field) {
    constexpr double kWidest = 1e6, kMost = 1e5, kSteps = SeriesShape::kMostSteps;
    field("model_dims", o.model_dims, between(2, kWidest), "width of a token");
    field("hidden_dims", o.hidden_dims, between(1, kWidest), "hidden width of the feed-forward layers");
    field("num_layers", o.num_layers, between(1, kMost), "decoder layers");
    field("num_heads", o.num_heads, between(1, kMost), "attention heads");
    field("input_patch_len", o.input_patch_len, between(1, kSteps), "steps of a token");
    field("output_patch_len", o.output_patch_len, between(1, kSteps), "steps that a token forecasts");
    field("output_quantile_len", o.output_quantile_len, between(1, kSteps),
          "steps whose quantiles the last token forecasts");
    field("quantiles", o.quantiles, nonempty(between(0, 1)), "levels that the model forecasts");
    field("context_limit", o.context_limit, between(1, kSteps), "steps of history and horizon together");
    field("rope_theta", o.rope_theta, more_than(0), "base of the rotary frequencies");
  }
  void check() const {
    require(model_dims % num_heads == 0 && head_dim() % 2 == 0,
            "model_dims ({}) must be a multiple of num_heads ({}), with an even quotient", model_dims,
            num_heads);
    require(output_patch_len % input_patch_len == 0,
            "output_patch_len ({}) must be a multiple of input_patch_len ({})", output_patch_len,
            input_patch_len);
    require(quantiles.size() % 2 == 1, "quantiles must be an odd number of levels, the median in the middle");
  }

  SeriesShape official_shape() const {
    return {.seq_len = context_limit - output_patch_len,
            .label_len = 0,
            .pred_len = output_patch_len,
            .enc_in = 1,
            .c_out = 1,
            .marks = 0};
  }
};

}  // namespace arzoo::forecast
