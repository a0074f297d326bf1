#pragma once

#include "core/config.h"

namespace arzoo::language {

/// BERT (Devlin et al., NAACL 2019), under the names of transformers' config.json.
struct BertOptions {
  int64_t vocab_size = 30522;
  int64_t hidden_size = 768;
  int64_t num_hidden_layers = 12;
  int64_t num_attention_heads = 12;
  int64_t intermediate_size = 3072;
  int64_t max_position_embeddings = 512;
  int64_t type_vocab_size = 2;
  std::string hidden_act = "gelu";
  double layer_norm_eps = 1e-12;

  static void fields(auto& o, auto& field) {
    field("vocab_size", o.vocab_size, between(2, 1 << 22), "ids of the embedding");
    field("hidden_size", o.hidden_size, between(1, 65536), "width of a token");
    field("num_hidden_layers", o.num_hidden_layers, between(1, 1024), "blocks");
    field("num_attention_heads", o.num_attention_heads, between(1, 1024), "attention heads");
    field("intermediate_size", o.intermediate_size, between(1, 1048576),
          "hidden width of the feed-forward layer");
    field("max_position_embeddings", o.max_position_embeddings, between(1, 1 << 20), "tokens of a text");
    field("type_vocab_size", o.type_vocab_size, between(1, 1 << 16), "kinds of segments");
    field("hidden_act", o.hidden_act, one_of({"gelu", "gelu_new", "relu", "quick_gelu"}), "activation");
    field("layer_norm_eps", o.layer_norm_eps, more_than(0), "added to the variance");
  }
  void check() const {
    require(hidden_size % num_attention_heads == 0,
            "hidden_size ({}) must be a multiple of num_attention_heads ({})", hidden_size, num_attention_heads);
  }
};

}  // namespace arzoo::language
