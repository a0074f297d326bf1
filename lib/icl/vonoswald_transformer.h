#pragma once

#include "core/config.h"

namespace arzoo::icl {

/// The transformer of "Transformers learn in-context by gradient descent" (von Oswald et al., ICML 2023),
/// under the names of its code. The defaults are the one linear self-attention layer of Sec. 3.
struct VonOswaldOptions {
  static constexpr std::string_view kName = "vonoswald_transformer";
  static constexpr std::string_view kPaper = "von Oswald et al., ICML 2023 (gradient descent in context)";
  static constexpr std::string_view kData = "regression";

  int64_t num_layers = 1;
  int64_t num_heads = 1;
  int64_t key_size = 11;
  bool deq = true;
  bool use_softmax = false;
  bool first_layer_sm = false;
  bool use_non_lin_mix = false;
  bool sum_norm = false;
  bool att_only_trans = true;
  int64_t widening_factor = 4;
  bool layer_norm = false;
  bool use_bias = false;
  bool include_query = false;
  bool y_update = false;
  double dampening = 1.0;
  double clip = 0.0;
  bool in_proj = false;
  bool input_mlp = false;
  bool out_proj = false;
  int64_t output_size = 1;
  int64_t emb_size = 11;
  bool pos_enc = false;
  bool concat_pos_enc = false;
  bool zero_pos_enc = false;
  int64_t pos_enc_size = 10;
  double init_scale = 0.002;

  static void fields(auto& o, auto& field) {
    field("num_layers", o.num_layers, between(1, 1024), "layers");
    field("num_heads", o.num_heads, between(1, 256), "attention heads");
    field("key_size", o.key_size, between(1, 4096), "width of a head");
    field("deq", o.deq, {}, "all layers share their weights");
    field("use_softmax", o.use_softmax, {}, "softmax attention instead of linear");
    field("first_layer_sm", o.first_layer_sm, {}, "softmax attention in the first layer alone");
    field("use_non_lin_mix", o.use_non_lin_mix, {},
          "a learned mixture of softmax and linear attention, in the first layer alone where layers do not "
          "share weights");
    field("sum_norm", o.sum_norm, {}, "queries and keys are divided by their sum");
    field("att_only_trans", o.att_only_trans, {}, "no feed-forward layers");
    field("widening_factor", o.widening_factor, between(1, 256),
          "hidden width of the feed-forward layers, in token widths");
    field("layer_norm", o.layer_norm, {}, "layer normalisation before each part but the first");
    field("use_bias", o.use_bias, {}, "the linear maps have a bias");
    field("include_query", o.include_query, {}, "the query's token is attended to as well");
    field("y_update", o.y_update, {}, "attention changes the last coordinate alone");
    field("dampening", o.dampening, {}, "factor on the output of attention");
    field("clip", o.clip, at_least(0), "largest coordinate of a token; 0 for no limit");
    field("in_proj", o.in_proj, {}, "a linear map embeds the tokens");
    field("emb_size", o.emb_size, between(1, 4096), "width of the embedded tokens");
    field("input_mlp", o.input_mlp, {}, "a feed-forward layer's result is added to the embedded tokens");
    field("out_proj", o.out_proj, {},
          "a linear map of the last layer's tokens; predictions are read before it");
    field("output_size", o.output_size, between(1, 4096), "output width of that map");
    field("pos_enc", o.pos_enc, {}, "sinusoidal positions");
    field("concat_pos_enc", o.concat_pos_enc, {}, "beside the token instead of added to it");
    field("zero_pos_enc", o.zero_pos_enc, {}, "zeros in the place of positions beside the token");
    field("pos_enc_size", o.pos_enc_size, between(1, 4096), "width of a position");
    field("init_scale", o.init_scale, more_than(0), "variance scale of the initial weights");
  }
  void check() const {
    require(!pos_enc || pos_enc_size % 2 == 0, "pos_enc_size must be even, got {}", pos_enc_size);
    require(!pos_enc || concat_pos_enc || !in_proj || pos_enc_size == emb_size,
            "pos_enc_size ({}) must be emb_size ({}) where positions are added", pos_enc_size, emb_size);
    require(!deq || !first_layer_sm,
            "layers that share their weights share the kind of attention (first_layer_sm)");
    require(!zero_pos_enc || concat_pos_enc,
            "zero_pos_enc is for positions beside the token (concat_pos_enc)");
  }
  /// Width of the tokens inside, of tokens `width` wide.
  int64_t inner_width(int64_t width) const {
    return (in_proj ? emb_size : width) + (pos_enc && concat_pos_enc ? pos_enc_size : 0);
  }
};

}  // namespace arzoo::icl
