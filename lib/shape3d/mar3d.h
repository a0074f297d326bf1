#pragma once

#include "nn/masked_generator_options.h"
#include "nn/masked_sampling_options.h"
#include "shape3d/surface_cleaning.h"

namespace arzoo::shape3d {

/// One masked generator of shape tokens (Chen et al., MAR-3D, CVPR 2025, Sec. 3.2). Names and defaults are
/// the official class's.
struct ShapeMarOptions : nn::MaskedGeneratorOptions {
  int64_t latent_size = 256;
  int64_t num_sampling_steps = 100;

  ShapeMarOptions() {
    encoder_embed_dim = decoder_embed_dim = 1024;
    encoder_depth = decoder_depth = encoder_num_heads = decoder_num_heads = 16;
  }
  static void fields(auto& o, auto& field) {
    field("latent_size", o.latent_size, at_least(1), "tokens of a shape");
    MaskedGeneratorOptions::fields(o, field);
    field("num_sampling_steps", o.num_sampling_steps, between(1, 1000),
          "denoising steps of the head when shapes are generated");
  }
};

/// How a MAR-3D samples.
struct Mar3dGenerationOptions {
  double cfg = 3.0;
  std::string cfg_schedule = "linear";
  int64_t steps = 64;
  int64_t denoising_steps = 0;
  double temperature = 1.0;
  std::string denoising_solver = "ddpm";
  double clip = 0.0;
  int64_t smooth = 0;
  int64_t triangles = 0;

  static void fields(auto& o, auto& field) {
    field("cfg", o.cfg, at_least(0), "classifier-free guidance scale, 1 for no guidance");
    field("cfg_schedule", o.cfg_schedule, one_of({"linear", "constant"}),
          "how the guidance scale grows over the steps");
    field("steps", o.steps, formerly("num_iter", at_least(1)),
          "steps in which the tokens of a stage are generated; at most the number of tokens");
    field("denoising_steps", o.denoising_steps, between(0, 1000),
          "steps of the diffusion heads; 0 for the model's num_sampling_steps");
    field("temperature", o.temperature, at_least(0),
          "multiplies the noise of the diffusion head: lower is more deterministic");
    nn::denoising_solver_field(o, field);
    field("clip", o.clip, at_least(0),
          "bound of the scaled tokens' estimated numbers while they are denoised, 0 for none (as "
          "officially): small models need one");
    SurfaceCleaning::fields(o, field);
  }
};

/// MAR-3D's cascade: MAR-LR generates few tokens of a shape; MAR-HR sees these with noise mixed in (condition
/// augmentation) and generates many. Both are given a class, an outline of the shape, points of a part of it,
/// or any of these, in their buffer.
struct Mar3dOptions {
  using Generation = Mar3dGenerationOptions;
  static constexpr std::string_view kName = "mar3d";
  static constexpr std::string_view kPaper = "Chen et al., MAR-3D, CVPR 2025";
  static constexpr std::string_view kGenerates = "generate-3d";

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
          "probability in training that each of class, outline and points is given");
    field("cond_aug_train", o.cond_aug_train, between(0, 1),
          "range of the share of noise in MAR-LR's tokens that MAR-HR sees in training");
    field("cond_aug_infer", o.cond_aug_infer, between(0, 1), "the same when shapes are generated");
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
