#pragma once

#include "core/config.h"

namespace arzoo::shape3d {

/// How an AutoBrep samples.
struct AutobrepGenerationOptions {
  double top_p = 0.9;
  double temperature = 1.0;
  bool unconstrained = false;
  int64_t attempts = 1;
  int64_t fit_steps = 0;
  bool as_decoded = false;

  static void fields(auto& o, auto& field) {
    field("top_p", o.top_p, between(0, 1),
          "sample among the most likely codes that together have this probability, 0 for all");
    field("temperature", o.temperature, at_least(0),
          "divides the logits: lower is more deterministic, 0 takes the most likely code");
    field("unconstrained", o.unconstrained, {},
          "sample any token, as officially, not only those that the grammar of solids allows");
    field("attempts", o.attempts, between(1, 64),
          "samples of a solid until one is valid; the last one is taken if none is");
    field("fit_steps", o.fit_steps, between(0, 1000),
          "steps that move each face onto its edges; 200 officially, which costs seconds a solid");
    field("as_decoded", o.as_decoded, {},
          "keep surfaces as they are decoded, as officially; else those that are nearly flat or round become "
          "so");
  }
};

/// AutoBrep (Xu et al., SIGGRAPH Asia 2025): a decoder-only transformer over the tokens of a solid
/// (shape3d/solids/brep_tokens.h). Names are the official arguments'; the defaults are the released model's.
struct AutobrepOptions {
  using Generation = AutobrepGenerationOptions;
  static constexpr std::string_view kName = "autobrep";
  static constexpr std::string_view kPaper = "Xu et al., AutoBrep, SIGGRAPH Asia 2025";
  static constexpr std::string_view kGenerates = "generate-3d";

  int64_t bit = 10;
  int64_t max_face = 200;
  int64_t max_edge = 1000;
  int64_t max_seq = 3000;
  int64_t surf_codebook_size = 1000;
  int64_t edge_codebook_size = 1000;
  int64_t depth = 16;
  int64_t dim = 2048;
  int64_t heads = 32;
  int64_t dim_head = 64;
  int64_t kv_groups = 8;
  double dropout = 0.1;
  double meta_ratio = 0.8;
  bool aug = true;

  static void fields(auto& o, auto& field) {
    field("bit", o.bit, between(2, 12), "bits of a coordinate of a box");
    field("max_face", o.max_face, between(1, 10000), "faces of a solid");
    field("max_edge", o.max_edge, between(1, 100000), "edges of a solid");
    field("max_seq", o.max_seq, between(32, 65536),
          "tokens of a sequence; of longer ones a window is learnt");
    field("surf_codebook_size", o.surf_codebook_size, between(2, 1 << 20), "codes of faces");
    field("edge_codebook_size", o.edge_codebook_size, between(2, 1 << 20), "codes of edges");
    field("depth", o.depth, between(1, 1024), "blocks");
    field("dim", o.dim, between(1, 65536), "width of a token");
    field("heads", o.heads, between(1, 1024), "attention heads");
    field("dim_head", o.dim_head, between(32, 1024),
          "channels of a head, of which the first half or 32 are rotary");
    field("kv_groups", o.kv_groups, between(1, 1024), "heads of keys and values");
    field("dropout", o.dropout, from_below(0, 1),
          "in training, on embeddings, attention and feed-forward layers");
    field("meta_ratio", o.meta_ratio, between(0, 1), "share of training solids that tell their complexity");
    field("aug", o.aug, {}, "rotate one in ten training solids by quarter turns");
  }
  void check() const {
    require(heads % kv_groups == 0, "heads ({}) must be a multiple of kv_groups ({})", heads, kv_groups);
    require(dim_head % 4 == 0, "dim_head ({}) must be a multiple of 4", dim_head);
  }
};

}  // namespace arzoo::shape3d
