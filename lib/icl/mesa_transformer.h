#pragma once

#include "icl/data_options.h"
#include "nn/decoder_options.h"

namespace arzoo::icl {

/// Attention-only transformers on linear dynamics (von Oswald et al., Uncovering mesa-optimization algorithms
/// in Transformers, 2023), on tokens [0, x_t, x_t, x_{t-1}].
struct MesaTransformerOptions {
  static constexpr std::string_view kName = "mesa_transformer";
  static constexpr std::string_view kPaper = "von Oswald et al., 2023 (mesa-optimization)";
  static constexpr std::string_view kData = "dynamics";

  int64_t num_layers = 1;
  int64_t num_heads = 2;
  int64_t key_size = 20;
  std::string attention = "linear";
  bool hybrid_first_block = false;
  double init_std = 0.02;

  static void fields(auto& o, auto& field) {
    field("num_layers", o.num_layers, between(1, 256), "attention layers");
    field("num_heads", o.num_heads, between(1, 256), "attention heads");
    field("key_size", o.key_size, between(1, 4096), "width of a head");
    field("attention", o.attention, one_of({"softmax", "linear", "mesa"}), "kind of the layers");
    field("hybrid_first_block", o.hybrid_first_block, {},
          "one more layer, of softmax attention, before them");
    field("init_std", o.init_std, more_than(0), "standard deviation of the initial weights");
  }
  /// The shared decoder that the layers of one kind are. width: of a token.
  nn::DecoderOptions decoder(int64_t width, const std::string& kind, int64_t layers) const {
    nn::DecoderOptions options;
    options.n_embd = width;
    options.n_layer = layers;
    options.n_head = num_heads;
    options.head_dim = key_size;
    options.attention = kind;
    options.feed_forward = options.norm = options.positions = "none";
    options.bias = false;
    return options;
  }
};

}  // namespace arzoo::icl
