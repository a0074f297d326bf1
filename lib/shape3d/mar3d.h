#pragma once

#include "core/config.h"

namespace arzoo::shape3d {

/// One masked generator of shape tokens (Chen et al., MAR-3D, CVPR 2025, Sec. 3.2). Names and defaults are
/// the official class's.
struct ShapeMarOptions {
  int64_t latent_size = 256;
  int64_t encoder_embed_dim = 1024;
  int64_t encoder_depth = 16;
  int64_t encoder_num_heads = 16;
  int64_t decoder_embed_dim = 1024;
  int64_t decoder_depth = 16;
  int64_t decoder_num_heads = 16;
  double mlp_ratio = 4.0;
  double mask_ratio_min = 0.7;
  double label_drop_prob = 0.1;
  double attn_dropout = 0.1;
  double proj_dropout = 0.1;
  int64_t diffloss_d = 6;
  int64_t diffloss_w = 1024;
  int64_t num_sampling_steps = 100;
  int64_t diffusion_batch_mul = 4;

  static void fields(auto& o, auto& field) {
    field("latent_size", o.latent_size, at_least(1), "tokens of a shape");
    field("encoder_embed_dim", o.encoder_embed_dim, at_least(1), "width of the encoder");
    field("encoder_depth", o.encoder_depth, at_least(1), "blocks of the encoder");
    field("encoder_num_heads", o.encoder_num_heads, at_least(1), "attention heads of the encoder");
    field("decoder_embed_dim", o.decoder_embed_dim, at_least(1), "width of the decoder");
    field("decoder_depth", o.decoder_depth, at_least(1), "blocks of the decoder");
    field("decoder_num_heads", o.decoder_num_heads, at_least(1), "attention heads of the decoder");
    field("mlp_ratio", o.mlp_ratio, more_than(0),
          "width of the feed-forward layer in multiples of the token's");
    field("mask_ratio_min", o.mask_ratio_min, from_below(0, 1), "in training: least share of masked tokens");
    field("label_drop_prob", o.label_drop_prob, between(0, 1),
          "probability of training a sample without its condition, for classifier-free guidance");
    field("attn_dropout", o.attn_dropout, from_below(0, 1), "dropout of attention probabilities");
    field("proj_dropout", o.proj_dropout, from_below(0, 1), "dropout after the blocks' linear maps");
    field("diffloss_d", o.diffloss_d, at_least(1), "blocks of the diffusion head");
    field("diffloss_w", o.diffloss_w, at_least(1), "width of the diffusion head");
    field("num_sampling_steps", o.num_sampling_steps, between(1, 1000),
          "denoising steps of the head when shapes are drawn");
    field("diffusion_batch_mul", o.diffusion_batch_mul, at_least(1),
          "in training: noised copies of each token");
  }
  void check() const {
    require(encoder_embed_dim % encoder_num_heads == 0,
            "encoder_embed_dim ({}) must be a multiple of encoder_num_heads ({})", encoder_embed_dim,
            encoder_num_heads);
    require(decoder_embed_dim % decoder_num_heads == 0,
            "decoder_embed_dim ({}) must be a multiple of decoder_num_heads ({})", decoder_embed_dim,
            decoder_num_heads);
  }
};

/// MAR-3D's cascade: MAR-LR draws few tokens of a shape, MAR-HR, shown these with noise mixed in (condition
/// augmentation), draws many. Both are given a class, an outline of the shape, points of a part of it, or any
/// of these, in their buffer.
struct Mar3dOptions {
  static constexpr std::string_view kName = "mar3d";
  static constexpr std::string_view kPaper = "Chen et al., MAR-3D, CVPR 2025";

  int64_t vae_embed_dim = 64;
  int64_t class_num = 8;
  int64_t silhouette_pixels = 32;
  int64_t silhouette_patch = 8;
  double given_prob = 0.5;
  std::vector<double> cond_aug_train = {0.4, 0.6};
  double cond_aug_infer = 0.5;
  ShapeMarOptions lr;
  ShapeMarOptions hr = [] {
    ShapeMarOptions options;
    options.latent_size = 1024;
    return options;
  }();

  static void fields(auto& o, auto& field) {
    field("vae_embed_dim", o.vae_embed_dim, at_least(1), "channels of the shape VAE's tokens");
    field("silhouette_pixels", o.silhouette_pixels, between(8, 256), "side of the outlines");
    field("class_num", o.class_num, at_least(1), "classes");
    field("silhouette_patch", o.silhouette_patch, at_least(1),
          "side in pixels of the patches that an outline is seen in");
    field("given_prob", o.given_prob, between(0, 1),
          "in training: probability with which class, outline and points are each given");
    field("cond_aug_train", o.cond_aug_train, between(0, 1),
          "in training: range of the share of noise in the few tokens that MAR-HR is shown");
    field("cond_aug_infer", o.cond_aug_infer, between(0, 1), "the same when shapes are drawn");
    field("lr", o.lr, {}, "MAR-LR");
    field("hr", o.hr, {}, "MAR-HR");
  }
  /// Patches of an outline.
  int64_t patches() const {
    return (silhouette_pixels / silhouette_patch) * (silhouette_pixels / silhouette_patch);
  }
  void check() const {
    require(cond_aug_train.size() == 2 && cond_aug_train[0] <= cond_aug_train[1],
            "cond_aug_train must be two rising numbers");
    require(silhouette_pixels % silhouette_patch == 0,
            "silhouette_pixels ({}) must be a multiple of silhouette_patch ({})", silhouette_pixels,
            silhouette_patch);
  }
};

}  // namespace arzoo::shape3d
