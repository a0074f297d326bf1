#pragma once

#include "core/config.h"
#include "shape3d/surface_cleaning.h"

namespace arzoo::shape3d {

/// How a G3PT samples.
struct G3ptGenerationOptions {
  double cfg = 2.0;
  int64_t top_k = 0;
  double top_p = 0.0;
  double temperature = 1.0;
  int64_t smooth = 0;
  int64_t triangles = 0;

  static void fields(auto& o, auto& field) {
    field("cfg", o.cfg, at_least(0), "classifier-free guidance scale, 1 for no guidance");
    field("top_k", o.top_k, at_least(0), "sample among the K most likely codes, 0 for all");
    field("top_p", o.top_p, between(0, 1),
          "sample among the most likely codes that together have this probability, 0 for all");
    field("temperature", o.temperature, at_least(0),
          "divides the logits: lower is more deterministic, 0 takes the most likely code");
    SurfaceCleaning::fields(o, field);
  }
};

/// G3PT's generator (Zhang et al., 2024; a reconstruction: no code of it is published): a transformer over
/// the scales of a shape's tokens, coarse to fine, all tokens of a scale at once, behind the rows of a
/// condition. It generates the tokens of any tokenizer by scales: g3pt_vq, vat.
struct G3ptOptions {
  using Generation = G3ptGenerationOptions;
  static constexpr std::string_view kName = "g3pt";
  static constexpr std::string_view kPaper = "Zhang et al., G3PT, IJCAI 2025 (reconstruction)";
  static constexpr std::string_view kGenerates = "generate-3d";

  int64_t gen_width = 768;
  int64_t gen_heads = 12;
  int64_t gen_layers = 12;
  int64_t cond_tokens = 1;
  int64_t cond_dim = 8;
  std::vector<int64_t> scales = {1, 16, 64, 256, 784, 1287};
  int64_t codes = 8192;
  int64_t width = 512;
  double cond_drop = 0.1;
  int64_t progressive_batches = 0;

  static void fields(auto& o, auto& field) {
    field("gen_width", o.gen_width, between(1, 65536), "width of the transformer");
    field("gen_heads", o.gen_heads, between(1, 1024), "attention heads");
    field("gen_layers", o.gen_layers, between(1, 1024), "blocks");
    field("cond_tokens", o.cond_tokens, between(1, 65536), "rows of the condition; a class has 1");
    field("cond_dim", o.cond_dim, between(1, 65536),
          "channels of a row of the condition; of classes their number");
    field("scales", o.scales, nonempty(between(1, 65536)), "the tokenizer's tokens of each scale");
    field("codes", o.codes, between(2, 1 << 20), "the tokenizer's codes");
    field("width", o.width, between(1, 65536), "channels of what the tokenizer gives for the next scale");
    field("cond_drop", o.cond_drop, between(0, 1),
          "probability of training a sample without its condition, for guidance");
    field("progressive_batches", o.progressive_batches, at_least(0),
          "first training batches, of which only the coarser half of the scales is learnt");
  }
  void check() const {
    require(gen_width % gen_heads == 0, "gen_width ({}) must be a multiple of gen_heads ({})", gen_width,
            gen_heads);
  }
};

}  // namespace arzoo::shape3d
