#pragma once

#include "core/config.h"

namespace arzoo::language {

/// Primer (So et al., "Primer: Searching for Efficient Transformers for Language Modeling", NeurIPS 2021;
/// google-research/primer, t5_models.py with defaults.gin and medium_primer(_ez).gin).
struct PrimerOptions {
  static constexpr std::string_view kName = "primer_lm";
  static constexpr std::string_view kPaper = "So et al., Primer, NeurIPS 2021";
  static constexpr std::string_view kGenerates = "generate-text score";

  std::string variant = "primer_ez";
  std::string norm = {};
  int64_t vocab_size = 257;
  int64_t d_model = 512;
  int64_t num_layers = 6;
  int64_t num_heads = 8;
  int64_t d_kv = 64;
  int64_t d_ff = 2048;
  int64_t kernel_size = 3;
  int64_t relative_attention_num_buckets = 32;
  int64_t max_distance = 128;
  double norm_epsilon = 1e-6;
  double attention_scale = 1.0;
  double z_loss = 1e-4;

  static void fields(auto& o, auto& field) {
    field("variant", o.variant, one_of({"primer_ez", "primer"}),
          "primer_ez: squared ReLU and convolutions; primer: also queries made of keys, Primer's norm, and a "
          "norm behind the feed-forward layer");
    field("norm", o.norm, one_of({"", "layer_norm", "rms_norm", "primer_norm"}),
          "normalisation; empty for the variant's own, layer_norm or primer_norm");
    field("vocab_size", o.vocab_size, between(2, 1 << 22), "ids of the embedding; 257 for bytes");
    field("d_model", o.d_model, between(1, 65536), "width of a token");
    field("num_layers", o.num_layers, between(1, 1024), "blocks");
    field("num_heads", o.num_heads, between(1, 1024), "attention heads");
    field("d_kv", o.d_kv, between(1, 65536), "width of a head");
    field("d_ff", o.d_ff, between(1, 1048576), "hidden width of the feed-forward layer");
    field("kernel_size", o.kernel_size, between(1, 64),
          "tokens that a convolution behind queries, keys and values sees");
    field("relative_attention_num_buckets", o.relative_attention_num_buckets, between(2, 4096),
          "distances that the relative position bias tells apart");
    field("max_distance", o.max_distance, at_least(2), "distance from which on all share the last bucket");
    field("norm_epsilon", o.norm_epsilon, more_than(0), "added to the variance");
    field("attention_scale", o.attention_scale, more_than(0), "factor of the scores");
    field("z_loss", o.z_loss, at_least(0), "weight of log(Z)^2 in the training loss");
  }
  void check() const {
    require(max_distance > relative_attention_num_buckets / 2,
            "max_distance ({}) must exceed half of the buckets ({})", max_distance,
            relative_attention_num_buckets);
  }
  bool is_full() const { return variant == "primer"; }
  std::string norm_name() const { return !norm.empty() ? norm : is_full() ? "primer_norm" : "layer_norm"; }
};

}  // namespace arzoo::language
