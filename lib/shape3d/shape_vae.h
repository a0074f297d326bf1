#pragma once

#include <cstdint>
#include <optional>

#include "core/config.h"

namespace arzoo::shape3d {

/// The shape VAE of MAR-3D (Chen et al., CVPR 2025, Sec. 3.1; Michelangelo's, Zhao et al. 2023): points of a
/// surface to a set of latent tokens, and these to occupancy anywhere. Names are the official class's; the
/// defaults are its occ.yaml's.
struct ShapeVaeOptions {
  static constexpr std::string_view kName = "shape_vae";
  static constexpr std::string_view kPaper = "Chen et al., MAR-3D, CVPR 2025 (pyramid VAE)";

  int64_t width = 768;
  int64_t heads = 12;
  int64_t num_latents = 256;
  int64_t embed_dim = 64;
  int64_t num_freqs = 8;
  bool include_pi = false;
  int64_t num_encoder_layers = 8;
  int64_t num_decoder_layers = 16;
  int64_t point_feats = 3;
  bool embed_point_feats = false;
  double init_scale = 0.25;
  bool qkv_bias = true;
  bool use_ln_post = true;
  bool use_downsample = false;
  bool pyramid = false;
  std::optional<double> fps_ratio;
  double lambda_kl = 1e-3;

  static void fields(auto& o, auto& field) {
    field("width", o.width, at_least(1), "width of the transformers");
    field("heads", o.heads, at_least(1), "attention heads");
    field("num_latents", o.num_latents, at_least(1),
          "number of latent tokens of a shape, with learned queries");
    field("embed_dim", o.embed_dim, at_least(1), "channels of a latent token");
    field("num_freqs", o.num_freqs, between(1, 24), "frequencies 2^0, 2^1, … of a coordinate's embedding");
    field("include_pi", o.include_pi, {}, "multiply the frequencies by pi");
    field("num_encoder_layers", o.num_encoder_layers, between(0, 1024),
          "self-attention blocks before the latents");
    field("num_decoder_layers", o.num_decoder_layers, between(0, 1024), "self-attention blocks after them");
    field("point_feats", o.point_feats, between(3, 3),
          "number of features of a surface point besides its coordinates: 3, its normal");
    field("embed_point_feats", o.embed_point_feats, {}, "embed the normals as the coordinates are");
    field("init_scale", o.init_scale, more_than(0),
          "initial weights have the standard deviation init_scale / sqrt(width)");
    field("qkv_bias", o.qkv_bias, {}, "biases of queries, keys and values");
    field("use_ln_post", o.use_ln_post, {}, "normalise the tokens after the encoder");
    field("use_downsample", o.use_downsample, {},
          "queries are surface points, spread by farthest point sampling, instead of learned ones");
    field("pyramid", o.pyramid, {},
          "three clouds of falling density, each with a cross-attention of its own");
    field("fps_ratio", o.fps_ratio, between(1e-6, 1),
          "share of the finest cloud's points that are queries; officially 1/8 with a pyramid, 1/20 without");
    field("lambda_kl", o.lambda_kl, at_least(0),
          "weight of the KL divergence from the standard normal distribution in the training loss");
  }
  void check() const {
    require(width % heads == 0, "width ({}) must be a multiple of heads ({})", width, heads);
    require(!fps_ratio || use_downsample, "fps_ratio requires use_downsample");
  }

  int64_t levels() const { return pyramid ? 3 : 1; }
  double query_ratio() const { return fps_ratio.value_or(pyramid ? 0.125 : 0.05); }
  /// Tokens of a shape whose finest cloud has this many points.
  int64_t tokens_of(int64_t points) const;
};

}  // namespace arzoo::shape3d
