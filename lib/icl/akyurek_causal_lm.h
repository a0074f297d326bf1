#pragma once

#include <optional>

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
  bool disable_layer_norms = false;
  bool final_layer_norm = false;
  std::optional<int64_t> inner_dim;
  std::string activation_fn = "gelu";
  bool loss_on_x_steps = false;

  static void fields(auto& o, auto& field) {
    field("n_layers", o.n_layers, between(1, 1024), "blocks");
    field("n_heads", o.n_heads, between(1, 1024), "attention heads");
    field("hidden_size", o.hidden_size, between(1, 65536), "width of a token");
    field("norm_first", o.norm_first, {}, "a branch reads the normalised token; otherwise the token itself");
    field("disable_layer_norms", o.disable_layer_norms, {}, "blocks have no layer normalisation");
    field("final_layer_norm", o.final_layer_norm, {}, "normalise the last block's output");
    field("inner_dim", o.inner_dim, between(1, 1048576),
          "hidden width of the feed-forward layer; null for 4 hidden_size");
    field("activation_fn", o.activation_fn, one_of({"gelu", "relu", "tanh", "softplus", "sofu"}),
          "activation of the feed-forward layer; gelu: its tanh approximation; sofu: softmax(x) x");
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
    options.n_inner = inner_dim.value_or(0);
    options.feed_forward = activation_fn == "gelu" ? "gelu_tanh" : activation_fn;
    options.norm = disable_layer_norms ? "none" : "layer_norm";
    options.residual = disable_layer_norms || norm_first ? "normalised" : "beside";
    return options;
  }
};

}  // namespace arzoo::icl
