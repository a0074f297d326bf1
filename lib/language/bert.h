#pragma once

#include <string>

#include "core/config.h"

namespace arzoo::language {

/// BERT (Devlin et al., NAACL 2019), computed without padding as in ByteTransformer (Zhai et al., IPDPS
/// 2023). Options are those of transformers' config.json.
struct BertOptions {
  static constexpr std::string_view kName = "bert";
  static constexpr std::string_view kPaper =
      "Devlin et al., BERT, NAACL 2019; Zhai et al., ByteTransformer, 2023";
  static constexpr std::string_view kGenerates = "embed-text";

  int64_t vocab_size = 30522;
  int64_t hidden_size = 768;
  int64_t num_hidden_layers = 12;
  int64_t num_attention_heads = 12;
  int64_t intermediate_size = 3072;
  int64_t max_position_embeddings = 512;
  int64_t type_vocab_size = 2;
  std::string hidden_act = "gelu";
  double layer_norm_eps = 1e-12;
  double hidden_dropout_prob = 0.1;
  double attention_probs_dropout_prob = 0.1;
  int64_t mask_token_id = 103;
  double mask_share = 0.15;

  static void fields(auto& o, auto& field) {
    field("vocab_size", o.vocab_size, between(2, 1 << 22), "ids of the embedding");
    field("hidden_size", o.hidden_size, between(1, 65536), "width of a token");
    field("num_hidden_layers", o.num_hidden_layers, between(1, 1024), "blocks");
    field("num_attention_heads", o.num_attention_heads, between(1, 1024), "attention heads");
    field("intermediate_size", o.intermediate_size, between(1, 1048576),
          "hidden width of the feed-forward layer");
    field("max_position_embeddings", o.max_position_embeddings, between(1, 1 << 20), "most tokens of a text");
    field("type_vocab_size", o.type_vocab_size, between(1, 1 << 16), "kinds of segments");
    field("hidden_act", o.hidden_act, one_of({"gelu", "gelu_new", "relu", "quick_gelu"}), "activation");
    field("layer_norm_eps", o.layer_norm_eps, more_than(0), "added to the variance");
    field("hidden_dropout_prob", o.hidden_dropout_prob, from_below(0, 1),
          "dropout of the embedded tokens and of each branch");
    field("attention_probs_dropout_prob", o.attention_probs_dropout_prob, from_below(0, 1),
          "dropout of the attention's probabilities");
    field("mask_token_id", o.mask_token_id, at_least(0), "id that stands for a hidden token");
    field("mask_share", o.mask_share, between(0, 1),
          "share of the tokens that training predicts: of these 80 % are hidden, 10 % replaced by another");
  }
  void check() const {
    require(hidden_size % num_attention_heads == 0,
            "hidden_size ({}) must be a multiple of num_attention_heads ({})", hidden_size,
            num_attention_heads);
    require(mask_token_id < vocab_size, "mask_token_id ({}) must be below vocab_size ({})", mask_token_id,
            vocab_size);
  }
};

}  // namespace arzoo::language
