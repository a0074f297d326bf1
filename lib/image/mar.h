#pragma once

#include "image/kl_vae.h"

namespace arzoo::image {

/// MAR (Li et al., NeurIPS 2024): masked autoregression over continuous tokens with a diffusion loss. Names
/// are the official class's; the defaults are MAR-B's for 256 x 256 pixels.
struct MarOptions {
  static constexpr std::string_view kName = "mar";
  static constexpr std::string_view kPaper = "Li et al., MAR, NeurIPS 2024";

  int64_t img_size = 256;
  int64_t patch_size = 1;
  int64_t class_num = 1000;
  int64_t encoder_embed_dim = 768;
  int64_t encoder_depth = 12;
  int64_t encoder_num_heads = 12;
  int64_t decoder_embed_dim = 768;
  int64_t decoder_depth = 12;
  int64_t decoder_num_heads = 12;
  double mlp_ratio = 4.0;
  double mask_ratio_min = 0.7;
  double label_drop_prob = 0.1;
  double attn_dropout = 0.1;
  double proj_dropout = 0.1;
  int64_t buffer_size = 64;
  int64_t diffloss_d = 6;
  int64_t diffloss_w = 1024;
  int64_t diffusion_batch_mul = 4;
  KlVaeOptions vae;

  static void fields(auto& o, auto& field) {
    field("img_size", o.img_size, at_least(1), "side of a picture in pixels");
    field("patch_size", o.patch_size, at_least(1), "side of a token in latent pixels");
    field("class_num", o.class_num, at_least(1), "classes");
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
          "probability of training a sample without its class, for classifier-free guidance");
    field("attn_dropout", o.attn_dropout, from_below(0, 1), "dropout of attention probabilities");
    field("proj_dropout", o.proj_dropout, from_below(0, 1), "dropout after the blocks' linear maps");
    field("buffer_size", o.buffer_size, at_least(1), "rows that hold the class before the tokens");
    field("diffloss_d", o.diffloss_d, at_least(1), "blocks of the diffusion head");
    field("diffloss_w", o.diffloss_w, at_least(1), "width of the diffusion head");
    field("diffusion_batch_mul", o.diffusion_batch_mul, at_least(1),
          "in training: noised copies of each token");
    field("vae", o.vae, {}, "the tokenizer, a model \"kl_vae\"");
  }
  void check() const {
    require(encoder_embed_dim % encoder_num_heads == 0,
            "encoder_embed_dim ({}) must be a multiple of encoder_num_heads ({})", encoder_embed_dim,
            encoder_num_heads);
    require(decoder_embed_dim % decoder_num_heads == 0,
            "decoder_embed_dim ({}) must be a multiple of decoder_num_heads ({})", decoder_embed_dim,
            decoder_num_heads);
    const int64_t token = vae.downsampling() * patch_size;
    require(img_size % token == 0, "img_size ({}) must be a multiple of a token's {} pixels", img_size,
            token);
  }
  /// Tokens of a picture's side.
  int64_t side() const { return img_size / (vae.downsampling() * patch_size); }
  /// Numbers of a token.
  int64_t token_width() const { return vae.embed_dim * patch_size * patch_size; }
};

/// The names that the official optimiser does not decay, as patterns for TrainingOptions::undecayed: biases,
/// norms and the whole diffusion head.
inline std::vector<std::string> undecayed_mar_names() {
  return {"*bias", "*norm1.weight", "*norm2.weight", "encoder_norm", "decoder_norm", "z_proj_ln", "diffloss"};
}

}  // namespace arzoo::image
