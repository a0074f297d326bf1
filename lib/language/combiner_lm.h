#pragma once

#include "core/config.h"

namespace arzoo::language {

/// Combiner (Ren et al., "Combiner: Full Attention Transformer with Sparse Computation Cost", NeurIPS 2021;
/// google-research/combiner, combiner/jax).
struct CombinerOptions {
  static constexpr std::string_view kName = "combiner_lm";
  static constexpr std::string_view kPaper = "Ren et al., Combiner, NeurIPS 2021";
  static constexpr std::string_view kGenerates = "generate-text score";

  std::string attention = "fixed";
  int64_t vocab_size = 257;
  int64_t max_len = 2048;
  int64_t max_seg_len = 128;
  int64_t emb_dim = 512;
  int64_t qkv_dim = 512;
  int64_t num_heads = 8;
  int64_t num_layers = 6;
  int64_t mlp_dim = 2048;
  double dropout_rate = 0.1;
  double attention_dropout_rate = 0.1;

  static void fields(auto& o, auto& field) {
    field(
        "attention", o.attention, one_of({"fixed", "logn", "rowmajor", "axial"}),
        "what a token sees beside itself: fixed: its segment, and a span per earlier segment; logn: spans of "
        "1, 2, 4, … tokens; rowmajor: its row, and of each earlier row the summary at its column; axial: its "
        "row and column, and spans of the other rows and columns");
    field("vocab_size", o.vocab_size, between(2, 1 << 22), "ids of the embedding; 257 for bytes");
    field("max_len", o.max_len, between(2, 1 << 20), "tokens of a text, the most that the model reads");
    field("max_seg_len", o.max_seg_len, between(1, 1 << 20),
          "tokens of a segment, or of a row of the grid; a divisor of max_len, unused by logn");
    field("emb_dim", o.emb_dim, between(4, 65536), "width of a token, even");
    field("qkv_dim", o.qkv_dim, between(1, 65536), "width of all heads together");
    field("num_heads", o.num_heads, between(1, 1024), "attention heads");
    field("num_layers", o.num_layers, between(1, 1024), "blocks");
    field("mlp_dim", o.mlp_dim, between(1, 1048576), "hidden width of the feed-forward layer");
    field("dropout_rate", o.dropout_rate, from_below(0, 1),
          "dropout of the embedded tokens, the branches and the hidden layer");
    field("attention_dropout_rate", o.attention_dropout_rate, from_below(0, 1),
          "dropout of the probabilities inside spans");
  }
  void check() const {
    require(qkv_dim % num_heads == 0, "qkv_dim ({}) must be a multiple of num_heads ({})", qkv_dim,
            num_heads);
    require(emb_dim % 2 == 0, "emb_dim must be even, got {}", emb_dim);
    require(attention == "logn" || max_len % max_seg_len == 0,
            "max_len ({}) must be a multiple of max_seg_len ({})", max_len, max_seg_len);
  }
};

}  // namespace arzoo::language
