#pragma once

#include "core/config.h"

namespace arzoo::forecast {

/// Autoformer (Wu et al., NeurIPS 2021): series decomposition inside the network, auto-correlation in place
/// of attention. Names and defaults are the official script's.
struct AutoformerOptions {
  static constexpr std::string_view kName = "autoformer";
  static constexpr std::string_view kPaper = "Wu et al., Autoformer, NeurIPS 2021";
  static constexpr bool kTakesCovariates = true;

  int64_t d_model = 512;
  int64_t n_heads = 8;
  int64_t e_layers = 2;
  int64_t d_layers = 1;
  int64_t d_ff = 2048;
  int64_t moving_avg = 25;
  int64_t factor = 1;
  double dropout = 0.05;
  std::string activation = "gelu";
  std::string embed = "timeF";

  static void fields(auto& o, auto& field) {
    field("d_model", o.d_model, at_least(2), "width of a step, even");
    field("n_heads", o.n_heads, at_least(1), "attention heads");
    field("e_layers", o.e_layers, between(1, 1024), "encoder layers");
    field("d_layers", o.d_layers, between(1, 1024), "decoder layers");
    field("d_ff", o.d_ff, at_least(1), "width of the feed-forward layer");
    field("moving_avg", o.moving_avg, at_least(1), "window of the trend's moving average in steps, odd");
    field("factor", o.factor, at_least(1), "factor * ln L lags are selected");
    field("dropout", o.dropout, from_below(0, 1), "probability of dropout in training");
    field("activation", o.activation, one_of({"gelu", "relu"}), "activation of the feed-forward layer");
    field(
        "embed", o.embed, one_of({"timeF", "fixed", "learned"}),
        "calendar features: a linear map of values (data.timeenc 1), or tables of integer codes (timeenc 0)");
  }
  void check() const {
    require(d_model >= n_heads, "d_model ({}) must be at least n_heads ({})", d_model, n_heads);
    require(d_model % 2 == 0, "d_model must be even, got {}", d_model);
    require(moving_avg % 2 == 1, "moving_avg must be odd, got {}", moving_avg);
  }
};

}  // namespace arzoo::forecast
