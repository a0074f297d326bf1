#pragma once

#include "nn/decoder_options.h"

namespace arzoo::language {

/// A nanoGPT whose maps are dense-sparse factors (DSFormer; Chand et al., 2023, arXiv 2312.13211). No
/// official code was found: this is a reconstruction (docs/families/language.md).
struct DsformerOptions {
  static constexpr std::string_view kName = "dsformer_lm";
  static constexpr std::string_view kPaper = "Chand et al., DSFormer, 2023 (reconstruction)";

  int64_t vocab_size = 257;
  int64_t block_size = 128;
  int64_t n_embd = 128;
  int64_t n_layer = 4;
  int64_t n_head = 4;
  int64_t ds_blocks = 2;
  int64_t ds_rank = 32;
  int64_t ds_nonzeros = 8;
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
    field("from", o.from, a_path(),
          "nanoGPT to factorise: a run of ssa_lm, or weights under its names; empty for fresh weights");
  }
  void check() const {
    decoder().check();
    require(n_embd % ds_blocks == 0, "ds_blocks ({}) must divide n_embd ({})", ds_blocks, n_embd);
    require(ds_rank <= n_embd / ds_blocks, "ds_rank ({}) must be at most n_embd / ds_blocks ({})", ds_rank,
            n_embd / ds_blocks);
    require(ds_nonzeros <= ds_rank, "ds_nonzeros ({}) must be at most ds_rank ({})", ds_nonzeros, ds_rank);
  }
  nn::DecoderOptions decoder() const {
    nn::DecoderOptions o;
    o.n_embd = n_embd;
    o.n_layer = n_layer;
    o.n_head = n_head;
    o.feed_forward = "gelu";
    o.bias = false;
    return o;
  }
};

}  // namespace arzoo::language
