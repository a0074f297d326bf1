#pragma once

#include "core/config.h"
#include "forecast/series_shape.h"

namespace arzoo::forecast {

/// GPHT (Liu et al., KDD 2024): a decoder-only transformer over patches, generatively pre-trained on mixed
/// data, in stages from coarse (pooled) to fine, each forecasting what the ones before it have left over.
/// Each variate is forecast by itself, so one model serves data of any width, and any horizon: it goes on
/// patch by patch.
///
/// Pre-training: "data.sources" names the files. Fine-tuning: "training.init_from" names the pre-trained
/// model and "training.trainable": ["encoders.*.forecast_head"] trains its heads alone. Names are the
/// official script's.
struct GphtOptions {
  static constexpr std::string_view kName = "gpht";
  static constexpr std::string_view kPaper = "Liu et al., GPHT, KDD 2024";
  static constexpr bool kChannelIndependent = true;
  static constexpr bool has_own_loss() { return true; }

  int64_t token_len = 48;
  int64_t GT_d_model = 512;
  int64_t n_heads = 8;
  int64_t GT_e_layers = 3;
  int64_t GT_d_ff = 2048;
  int64_t depth = 4;
  std::vector<int64_t> GT_pooling_rate = {8, 4, 2, 1};
  double dropout = 0.1;
  std::string activation = "gelu";

  static void fields(auto& o, auto& field) {
    field("token_len", o.token_len, at_least(1),
          "steps of one token; seq_len must be a multiple, pred_len at least one");
    field("GT_d_model", o.GT_d_model, at_least(2), "width of a token, even");
    field("n_heads", o.n_heads, at_least(1), "attention heads");
    field("GT_e_layers", o.GT_e_layers, between(1, 1024), "layers of each stage");
    field("GT_d_ff", o.GT_d_ff, at_least(1), "width of the feed-forward layer");
    field("depth", o.depth, between(1, 1024), "stages");
    field("GT_pooling_rate", o.GT_pooling_rate, nonempty(at_least(1)),
          "max-pooling before each stage, coarse to fine; each divides token_len");
    field("dropout", o.dropout, from_below(0, 1), "probability of dropout in training");
    field("activation", o.activation, one_of({"gelu", "relu"}), "activation of the feed-forward layer");
  }
  void check() const {
    require(GT_d_model >= n_heads, "GT_d_model ({}) must be at least n_heads ({})", GT_d_model, n_heads);
    require(GT_d_model % 2 == 0, "GT_d_model must be even, got {}", GT_d_model);
    require(depth <= static_cast<int64_t>(GT_pooling_rate.size()),
            "depth ({}) needs as many numbers in GT_pooling_rate, got {}", depth, GT_pooling_rate.size());
    for (const auto rate : GT_pooling_rate)
      require(token_len % rate == 0, "GT_pooling_rate: {} does not divide token_len ({})", rate, token_len);
  }
  void check_shape(const SeriesShape& shape) const {
    constexpr int64_t kMostTokens = 5000;  // rows of the official position table
    require(shape.seq_len % token_len == 0, "seq_len ({}) must be a multiple of token_len ({})",
            shape.seq_len, token_len);
    require(shape.seq_len / token_len <= kMostTokens,
            "seq_len ({}) must not exceed {} tokens of token_len ({})", shape.seq_len, kMostTokens,
            token_len);
    require(shape.pred_len >= token_len,
            "pred_len ({}) must be at least token_len ({}): training looks one token ahead", shape.pred_len,
            token_len);
  }
};

}  // namespace arzoo::forecast
