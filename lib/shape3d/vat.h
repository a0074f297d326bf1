#pragma once

#include <algorithm>

#include "core/config.h"

namespace arzoo::shape3d {

/// VAT, the variational tokenizer (Zhang et al., "3D representation in 512-Byte", 2024; a reconstruction: no
/// code of it is published): points and learned latents pass one transformer together, the latents become a
/// Gaussian, whose sample is coded by residual token rows of growing length; a triplane decodes it.
struct VatOptions {
  static constexpr std::string_view kName = "vat";
  static constexpr std::string_view kPaper = "Zhang et al., VAT, 2024 (reconstruction)";

  int64_t width = 768;
  int64_t heads = 12;
  int64_t num_freqs = 8;
  int64_t num_latents = 256;
  int64_t num_encoder_layers = 8;
  int64_t num_decoder_layers = 12;
  int64_t embed_dim = 16;
  int64_t codes = 16384;
  double beta = 0.25;
  std::vector<int64_t> scales = {1, 4, 16, 64, 256};
  int64_t plane_tokens = 32;
  std::vector<int64_t> plane_channels = {256, 128, 64};
  int64_t mlp_width = 64;
  double lambda_kl = 1e-3;
  double lambda_vq = 1.0;
  int64_t continuous_batches = 0;
  int64_t revive_every = 0;

  static void fields(auto& o, auto& field) {
    field("width", o.width, between(1, 65536), "width of the transformers");
    field("heads", o.heads, between(1, 1024), "attention heads");
    field("num_freqs", o.num_freqs, between(1, 24), "frequencies 2^0, 2^1, … of a coordinate's embedding");
    field("num_latents", o.num_latents, between(1, 65536), "latent tokens of a shape");
    field("num_encoder_layers", o.num_encoder_layers, between(0, 1024),
          "blocks that read points and latents");
    field("num_decoder_layers", o.num_decoder_layers, between(0, 1024),
          "blocks that read latents and planes");
    field("embed_dim", o.embed_dim, between(1, 65536), "channels of a latent, width of a code vector");
    field("codes", o.codes, between(2, 1 << 20), "code vectors, shared by all scales");
    field("beta", o.beta, at_least(0), "weight of the commitment loss");
    field("scales", o.scales, nonempty(between(1, 65536)),
          "tokens of each scale, rising; the last is num_latents");
    field("plane_tokens", o.plane_tokens, between(1, 512), "side of a plane's tokens");
    field("plane_channels", o.plane_channels, nonempty(between(1, 65536)),
          "channels of the planes' convolutions; each after the first doubles the side");
    field("mlp_width", o.mlp_width, between(1, 65536), "width of the map from planes to occupancy");
    field("lambda_kl", o.lambda_kl, at_least(0), "weight of the KL divergence in the training loss");
    field("lambda_vq", o.lambda_vq, at_least(0), "weight of the quantiser's loss");
    field("continuous_batches", o.continuous_batches, at_least(0),
          "first training batches, in which nothing is quantised");
    field("revive_every", o.revive_every, at_least(0),
          "training batches after which code vectors that a batch does not use are reset to its features, 0 "
          "for "
          "never");
  }
  void check() const {
    require(width % heads == 0, "width ({}) must be a multiple of heads ({})", width, heads);
    require(scales.back() == num_latents, "the last of scales ({}) must be num_latents ({})", scales.back(),
            num_latents);
    require(std::is_sorted(scales.begin(), scales.end()), "scales must not fall");
    require(plane_channels.size() <= 6, "plane_channels: {} stages, at most 6 expected",
            plane_channels.size());
  }
};

}  // namespace arzoo::shape3d
