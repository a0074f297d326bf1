#pragma once

#include "image/kl_vae.h"
#include "nn/masked_generator_options.h"
#include "nn/masked_sampling_options.h"

namespace arzoo::image {

/// How a MAR samples.
struct MarGenerationOptions : nn::NoisyMaskedSamplingOptions {
  MarGenerationOptions() : NoisyMaskedSamplingOptions{{.cfg = 2.9}} {}
};

/// MAR (Li et al., NeurIPS 2024): masked autoregression over continuous tokens with a diffusion loss. Names
/// are the official class's; the defaults are MAR-B's for 256 x 256 pixels.
struct MarOptions : nn::MaskedGeneratorOptions {
  using Generation = MarGenerationOptions;
  static constexpr std::string_view kName = "mar";
  static constexpr std::string_view kPaper = "Li et al., MAR, NeurIPS 2024";
  static constexpr std::string_view kGenerates = "generate-image";

  int64_t img_size = 256;
  int64_t patch_size = 1;
  int64_t class_num = 1000;
  int64_t buffer_size = 64;
  KlVaeOptions vae;

  static void fields(auto& o, auto& field) {
    field("img_size", o.img_size, at_least(1), "side of a picture in pixels");
    field("patch_size", o.patch_size, at_least(1), "side of a token in latent pixels");
    field("class_num", o.class_num, at_least(1), "classes");
    field("buffer_size", o.buffer_size, at_least(1), "rows that hold the class before the tokens");
    MaskedGeneratorOptions::fields(o, field);
    field("vae", o.vae, {}, "the tokenizer, a model \"kl_vae\"");
  }
  void check() const {
    MaskedGeneratorOptions::check();
    const int64_t token = vae.downsampling() * patch_size;
    require(img_size % token == 0, "img_size ({}) must be a multiple of a token's {} pixels", img_size,
            token);
  }
  /// Tokens of a picture's side.
  int64_t side() const { return img_size / (vae.downsampling() * patch_size); }
  /// Numbers of a token.
  int64_t token_width() const { return vae.embed_dim * patch_size * patch_size; }
};

/// The names that the official optimiser does not decay, as patterns for TrainingOptions::no_weight_decay:
/// biases, norms and the whole diffusion head.
inline std::vector<std::string> no_weight_decay_mar_names() {
  return {"*bias", "*norm1.weight", "*norm2.weight", "encoder_norm", "decoder_norm", "z_proj_ln", "diffloss"};
}

}  // namespace arzoo::image
