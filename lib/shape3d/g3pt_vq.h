#pragma once

#include "core/config.h"

namespace arzoo::shape3d {

/// Lookup-free quantisation's losses (Yu et al., MAGVIT-v2, 2023; vector-quantize-pytorch).
struct LookupFreeOptions {
  double inv_temperature = 100.0;
  double diversity_gamma = 1.0;
  double entropy_weight = 0.1;
  double commitment_weight = 0.25;
  double log_clamp = 1e-5;

  static void fields(auto& o, auto& field) {
    field("inv_temperature", o.inv_temperature, more_than(0),
          "sharpness of a token's distribution over the codes");
    field("diversity_gamma", o.diversity_gamma, at_least(0), "weight of the mean distribution's entropy");
    field("entropy_weight", o.entropy_weight, at_least(0), "weight of the entropies in the training loss");
    field("commitment_weight", o.commitment_weight, at_least(0), "weight of the distance to the code");
    field("log_clamp", o.log_clamp, more_than(0), "least argument of the entropies' logarithms");
  }
};

/// The tokenizer of G3PT (Zhang et al., 2024; a reconstruction: no code of it is published): a set of
/// latents, as 3DShape2VecSet's, coded by scales of tokens that learned queries read from it and write back
/// to it.
struct G3ptVqOptions {
  static constexpr std::string_view kName = "g3pt_vq";
  static constexpr std::string_view kPaper = "Zhang et al., G3PT, IJCAI 2025 (tokenizer, reconstruction)";

  int64_t width = 512;
  int64_t heads = 8;
  int64_t num_freqs = 8;
  int64_t num_latents = 2304;
  int64_t num_encoder_layers = 12;
  int64_t num_decoder_layers = 16;
  std::vector<int64_t> scales = {1, 16, 64, 256, 784, 1287};
  int64_t bits = 13;
  LookupFreeOptions lfq;
  int64_t continuous_batches = 0;

  static void fields(auto& o, auto& field) {
    field("width", o.width, between(1, 65536), "width of the transformers and of a latent");
    field("heads", o.heads, between(1, 1024), "attention heads");
    field("num_freqs", o.num_freqs, between(1, 24), "frequencies 2^0, 2^1, … of a coordinate's embedding");
    field("num_latents", o.num_latents, between(1, 65536), "latents of a shape");
    field("num_encoder_layers", o.num_encoder_layers, between(0, 1024), "blocks before the quantiser");
    field("num_decoder_layers", o.num_decoder_layers, between(0, 1024), "blocks after it");
    field("scales", o.scales, nonempty(between(1, 65536)), "tokens of each scale, coarse to fine");
    field("bits", o.bits, between(1, 16), "bits of a token: there are 2^bits codes");
    field("lfq", o.lfq, {}, "losses of the lookup-free quantisation");
    field("continuous_batches", o.continuous_batches, at_least(0),
          "first training batches, in which nothing is quantised");
  }
  void check() const {
    require(width % heads == 0, "width ({}) must be a multiple of heads ({})", width, heads);
  }
  int64_t codes() const { return int64_t{1} << bits; }
};

}  // namespace arzoo::shape3d
