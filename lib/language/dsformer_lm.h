#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "nn/decoder_options.h"

namespace arzoo::language {

/// Sizes of the factors of a kind of map.
struct FactorSizes {
  std::string map = {};
  int64_t blocks = 2;
  int64_t rank = 32;
  int64_t nonzeros = 8;

  static void fields(auto& o, auto& field) {
    field("map", o.map, one_of({"attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"}), "whose these are");
    field("blocks", o.blocks, at_least(1), "slices of the map's input");
    field("rank", o.rank, at_least(1), "rows of a slice's dense factor");
    field("nonzeros", o.nonzeros, at_least(1), "entries of a row of the sparse factor");
  }
  void check() const { require(!map.empty(), "map is needed: the kind of map whose sizes these are"); }
  /// Numbers that are stored of a map [out, in], without the places of the entries.
  int64_t numbers(int64_t in, int64_t out) const { return rank * in + nonzeros * out * blocks; }
};

/// A nanoGPT or GPT-2 whose maps are dense-sparse factors (DSFormer; Chand et al., 2023, arXiv 2312.13211).
/// No official code was found: this is a reconstruction (docs/families/language.md).
struct DsformerOptions {
  static constexpr std::string_view kName = "dsformer_lm";
  static constexpr std::string_view kPaper = "Chand et al., DSFormer, 2023 (reconstruction)";
  static constexpr std::string_view kGenerates = "generate-text score";

  int64_t vocab_size = 257;
  int64_t block_size = 128;
  int64_t n_embd = 128;
  int64_t n_layer = 4;
  int64_t n_head = 4;
  int64_t ds_blocks = 2;
  int64_t ds_rank = 32;
  int64_t ds_nonzeros = 8;
  std::vector<FactorSizes> ds_maps = {};
  std::string factors = "dense_sparse";
  bool bias = false;
  std::string activation_function = "gelu";
  std::string from = {};

  static void fields(auto& o, auto& field) {
    field("vocab_size", o.vocab_size, between(2, 1 << 22), "ids of the embedding; 257 for bytes");
    field("block_size", o.block_size, between(1, 1 << 20), "tokens that learned positions reach");
    field("n_embd", o.n_embd, between(1, 65536), "width of a token");
    field("n_layer", o.n_layer, between(1, 1024), "blocks");
    field("n_head", o.n_head, between(1, 1024), "attention heads");
    field("ds_blocks", o.ds_blocks, at_least(1), "slices of a map's input");
    field("ds_rank", o.ds_rank, at_least(1), "rows of a slice's dense factor");
    field("ds_nonzeros", o.ds_nonzeros, at_least(1), "entries of a row of the sparse factor");
    field("ds_maps", o.ds_maps, {}, "sizes of other factors than those above, by kind of map");
    field("factors", o.factors, one_of({"dense_sparse", "low_rank"}),
          "dense_sparse; low_rank: two thin matrices with no more numbers than those have, from the largest "
          "singular values, to compare with");
    field("bias", o.bias, {}, "maps and norms have a bias, as GPT-2's");
    field("activation_function", o.activation_function, one_of({"gelu", "gelu_new", "relu"}),
          "activation of the feed-forward layer; GPT-2's is gelu_new");
    field("from", o.from, a_path(),
          "model to factorise: a run of ssa_lm or of a gpt2 decoder_lm, a GPT-2 folder, or weights under "
          "nanoGPT's names; empty for fresh weights");
  }
  void check() const {
    decoder().check();
    check_map("attn.c_attn", n_embd, 3 * n_embd);
    check_map("attn.c_proj", n_embd, n_embd);
    check_map("mlp.c_fc", n_embd, 4 * n_embd);
    check_map("mlp.c_proj", 4 * n_embd, n_embd);
  }
  /// Of the map of this name ("attn.c_attn").
  FactorSizes sizes_of(std::string_view map) const {
    for (const auto& own : ds_maps) {
      if (own.map == map) return own;
    }
    return {std::string(map), ds_blocks, ds_rank, ds_nonzeros};
  }
  /// Of low_rank: the most that needs no more numbers.
  int64_t low_rank(std::string_view map, int64_t in, int64_t out) const {
    return std::max<int64_t>(1, sizes_of(map).numbers(in, out) / (in + out));
  }
  nn::DecoderOptions decoder() const {
    nn::DecoderOptions o;
    o.n_embd = n_embd;
    o.n_layer = n_layer;
    o.n_head = n_head;
    o.feed_forward = activation_function == "gelu_new" ? "gelu_tanh" : activation_function;
    o.bias = bias;
    return o;
  }

 private:
  void check_map(std::string_view map, int64_t in, int64_t out) const {
    const auto [name, blocks, rank, nonzeros] = sizes_of(map);
    require(in % blocks == 0, "{}: ds_blocks ({}) must divide {}", map, blocks, in);
    require(rank <= std::min(in / blocks, out), "{}: ds_rank ({}) must be at most {}", map, rank,
            std::min(in / blocks, out));
    require(nonzeros <= rank, "{}: ds_nonzeros ({}) must be at most ds_rank ({})", map, nonzeros, rank);
    require(factors != "low_rank" || low_rank(map, in, out) <= std::min(in, out),
            "{}: as many numbers make a rank of {}, expected at most {}", map, low_rank(map, in, out),
            std::min(in, out));
  }
};

}  // namespace arzoo::language
