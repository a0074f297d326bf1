#pragma once

#include "core/config.h"

namespace arzoo::nn {

/// What a masked generator is made of and how it is trained, under MAR's names and with MAR-B's defaults. No
/// torch in here.
struct MaskedGeneratorOptions {
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
  int64_t diffloss_d = 6;
  int64_t diffloss_w = 1024;
  int64_t diffusion_batch_mul = 4;
  std::string prediction = "epsilon";

  static void fields(auto& o, auto& field) {
    field("encoder_embed_dim", o.encoder_embed_dim, at_least(1), "width of the encoder");
    field("encoder_depth", o.encoder_depth, between(1, 1024), "blocks of the encoder");
    field("encoder_num_heads", o.encoder_num_heads, at_least(1), "attention heads of the encoder");
    field("decoder_embed_dim", o.decoder_embed_dim, at_least(1), "width of the decoder");
    field("decoder_depth", o.decoder_depth, between(1, 1024), "blocks of the decoder");
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
    field("diffusion_batch_mul", o.diffusion_batch_mul, at_least(1),
          "in training: noised copies of each token");
    field(
        "prediction", o.prediction, one_of({"epsilon", "v"}),
        "what the diffusion head predicts: the noise (as officially), or the velocity v, whose errors do not "
        "grow where tokens are nearly all noise");
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

}  // namespace arzoo::nn
