#pragma once

#include "nn/decoder_options.h"

namespace arzoo::icl {

/// The regressor of Akyürek et al. (ICLR 2023), under the names of its code. As there, the width of a head is
/// hidden_size / n_heads^2.
struct AkyurekOptions {
  static constexpr std::string_view kName = "akyurek_causal_lm";
  static constexpr std::string_view kPaper = "Akyürek et al., ICLR 2023 (what learning algorithm)";
  static constexpr std::string_view kData = "functions";

  int64_t n_layers = 12;
  int64_t n_heads = 8;
  int64_t hidden_size = 512;
  bool norm_first = true;
  bool final_layer_norm = true;
  bool loss_on_x_steps = false;

  static void fields(auto& o, auto& field) {
    field("n_layers", o.n_layers, between(1, 1024), "blocks");
    field("n_heads", o.n_heads, between(1, 1024), "attention heads");
    field("hidden_size", o.hidden_size, between(1, 65536), "width of a token");
    field("norm_first", o.norm_first, {}, "a branch reads the normalised token; otherwise the token itself");
    field("final_layer_norm", o.final_layer_norm, {}, "normalise the last block's output");
    field("loss_on_x_steps", o.loss_on_x_steps, {}, "predict the xs as well");
  }
  void check() const {
    require(hidden_size % (n_heads * n_heads) == 0,
            "hidden_size ({}) must be a multiple of n_heads squared ({})", hidden_size, n_heads * n_heads);
  }
  /// The shared decoder that it is.
  nn::DecoderOptions decoder() const {
    nn::DecoderOptions options;
    options.n_embd = hidden_size;
    options.n_layer = n_layers;
    options.n_head = n_heads;
    options.head_dim = hidden_size / (n_heads * n_heads);
    options.residual = norm_first ? "normalised" : "beside";
    return options;
  }
};

}  // namespace arzoo::icl
