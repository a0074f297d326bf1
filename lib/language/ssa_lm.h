#pragma once

#include "nn/decoder_options.h"

namespace arzoo::language {

/// Stochastically subsampled self-attention ("Information Pathways: The Dynamic Sparsity of Transformers",
/// Hussain et al., KDD 2023; arXiv 2306.01705) on a nanoGPT. No official code of it is published: this is a
/// reconstruction (docs/families/language.md).
struct SsaOptions {
  static constexpr std::string_view kName = "ssa_lm";
  static constexpr std::string_view kPaper = "Hussain et al., SSA, KDD 2023 (reconstruction)";
  static constexpr std::string_view kGenerates = "generate-text score";

  std::string attention = "ssa_local";
  int64_t vocab_size = 257;
  int64_t block_size = 128;
  int64_t n_embd = 128;
  int64_t n_layer = 4;
  int64_t n_head = 4;
  int64_t keep = 32;
  int64_t window = 16;
  double sigma = 16.0;
  int64_t dense_steps = 0;
  int64_t ensemble = 0;

  static void fields(auto& o, auto& field) {
    field("attention", o.attention, one_of({"ssa_local", "ssa_unbiased"}),
          "which tokens a training pass may see: ssa_local: those near it in a shuffled order; ssa_unbiased: "
          "a random subset, the same for all");
    field("vocab_size", o.vocab_size, between(2, 1 << 22), "ids of the embedding; 257 for bytes");
    field("block_size", o.block_size, between(1, 1 << 20), "tokens that learned positions reach");
    field("n_embd", o.n_embd, between(1, 65536), "width of a token");
    field("n_layer", o.n_layer, between(1, 1024), "blocks");
    field("n_head", o.n_head, between(1, 1024), "attention heads");
    field("keep", o.keep, at_least(1), "sources of ssa_unbiased");
    field("window", o.window, at_least(1),
          "queries of a block of ssa_local, which see twice as many sources");
    field("sigma", o.sigma, at_least(0), "standard deviation of ssa_local's shuffle, in tokens");
    field("dense_steps", o.dense_steps, at_least(0), "last training steps that take plain attention");
    field("ensemble", o.ensemble, between(0, 1024),
          "subsampled passes whose probabilities are averaged in evaluation; 0: plain attention");
  }
  void check() const {
    decoder().check();
    require(!is_local() || block_size % window == 0, "block_size ({}) must be a multiple of window ({})",
            block_size, window);
  }
  bool is_local() const { return attention == "ssa_local"; }
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
