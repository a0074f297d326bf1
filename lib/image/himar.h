#pragma once

#include "image/kl_vae.h"
#include "nn/masked_generator_options.h"
#include "nn/masked_sampling_options.h"

namespace arzoo::image {

/// How a Hi-MAR samples.
struct HiMarGenerationOptions : nn::NoisyMaskedSamplingOptions {
  HiMarGenerationOptions() : NoisyMaskedSamplingOptions{{.cfg = 2.5, .steps = 4, .denoising_steps = 250}} {}

  double pivot_cfg = 2.7;
  int64_t pivot_steps = 0;
  int64_t pivot_denoising_steps = 100;

  static void fields(auto& o, auto& field) {
    NoisyMaskedSamplingOptions::fields(o, field);
    field("pivot_cfg", o.pivot_cfg, at_least(0), "guidance scale of the pivots, 1 for none");
    field("pivot_steps", o.pivot_steps, at_least(0),
          "steps that generate the pivots, before those of the dense tokens; 0 for 4 times cond_scale (as "
          "officially)");
    field("pivot_denoising_steps", o.pivot_denoising_steps, between(1, 1000),
          "steps of the pivots' diffusion head");
  }
};

/// Hi-MAR (Zheng et al., ICML 2025): a MAR that generates low-resolution tokens first, the pivots, and the
/// dense ones under their condition vectors. Names are the official class's; the defaults are Hi-MAR-B's for
/// 256 x 256 pixels. seq_len and cond_dim follow from these; diff_seqlen, two_diffloss, global_dm and
/// cond_drop_prob have no effect in the official class.
struct HiMarOptions : nn::MaskedGeneratorOptions {
  using Generation = HiMarGenerationOptions;
  static constexpr std::string_view kName = "himar";
  static constexpr std::string_view kPaper = "Zheng et al., Hi-MAR, ICML 2025";
  static constexpr std::string_view kGenerates = "generate-image";

  int64_t img_size = 256;
  int64_t patch_size = 1;
  int64_t class_num = 1000;
  int64_t buffer_size = 64;
  int64_t cond_scale = 8;
  int64_t step_warmup = 100;
  double step_stage2_rate = 0.25;
  std::string pivots_as = "conditions";
  bool cos = true;
  int64_t gdm_w = 512;
  int64_t gdm_d = 6;
  int64_t head = 8;
  double ratio = 4.0;
  KlVaeOptions vae;

  static void fields(auto& o, auto& field) {
    field("img_size", o.img_size, at_least(1), "side of a picture in pixels");
    field("patch_size", o.patch_size, at_least(1), "side of a token in latent pixels, 1");
    field("class_num", o.class_num, at_least(1), "classes");
    field("buffer_size", o.buffer_size, at_least(1), "rows that hold the class before the tokens");
    MaskedGeneratorOptions::fields(o, field);
    field("cond_scale", o.cond_scale, between(1, 4096), "pivots of a picture's side");
    field("step_warmup", o.step_warmup, at_least(0),
          "in training: epochs until step_stage2_rate is reached, 0 for none");
    field("step_stage2_rate", o.step_stage2_rate, between(0, 1),
          "in training: share of the samples whose second phase sees pivots, the others see learned rows");
    field("pivots_as", o.pivots_as, one_of({"conditions", "tokens", "none"}),
          "what the second phase sees of the pivots: their condition vectors (officially), the tokens "
          "themselves, or learned rows alone");
    field("cos", o.cos, {},
          "in training: the share of masked dense tokens is a cosine of a uniform number, else it follows a "
          "normal distribution between 0.38 and 1");
    field("gdm_w", o.gdm_w, at_least(4), "width of the diffusion transformer, the head of the dense tokens");
    field("gdm_d", o.gdm_d, between(1, 1024), "blocks of the diffusion transformer");
    field("head", o.head, at_least(1), "attention heads of the diffusion transformer");
    field("ratio", o.ratio, more_than(0),
          "width of the diffusion transformer's feed-forward layer in multiples of gdm_w");
    field("vae", o.vae, {}, "the tokenizer, a model \"kl_vae\"");
  }
  void check() const {
    MaskedGeneratorOptions::check();
    require(patch_size == 1, "patch_size must be 1, got {}: the dense tokens' head works on latent pixels",
            patch_size);
    require(img_size % vae.downsampling() == 0, "img_size ({}) must be a multiple of a token's {} pixels",
            img_size, vae.downsampling());
    require(encoder_embed_dim == decoder_embed_dim,
            "encoder_embed_dim ({}) and decoder_embed_dim ({}) must be equal: both use mask_token",
            encoder_embed_dim, decoder_embed_dim);
    require(cond_scale <= side(), "cond_scale ({}) must not exceed the {} dense tokens of a side", cond_scale,
            side());
    require(gdm_w % head == 0, "gdm_w ({}) must be a multiple of head ({})", gdm_w, head);
    require(gdm_w % 4 == 0, "gdm_w ({}) must be a multiple of 4 (positions of two axes)", gdm_w);
  }
  /// Dense tokens of a picture's side, and all of them.
  int64_t side() const { return img_size / vae.downsampling(); }
  int64_t tokens() const { return side() * side(); }
  int64_t pivots() const { return cond_scale * cond_scale; }
  /// Pixels of the picture whose latent the pivots are.
  int64_t pivot_pixels() const { return cond_scale * vae.downsampling(); }
};

/// The names that the official optimiser does not decay, as patterns for TrainingOptions::no_weight_decay:
/// biases, norms and both heads.
inline std::vector<std::string> no_weight_decay_himar_names() {
  return {"*bias",        "*norm1.weight", "*norm2.weight", "encoder_norm",
          "decoder_norm", "z_proj_ln",     "diffloss",      "cond_diffloss"};
}

}  // namespace arzoo::image
