#pragma once

#include "image/flowar_model.h"
#include "image/himar_model.h"
#include "image/kl_vae_model.h"
#include "image/mar_model.h"
#include "image/mmar_model.h"
#include "support/test.h"

namespace arzoo::test {

inline image::KlVaeOptions tiny_kl_vae_options() {
  image::KlVaeOptions options;
  options.embed_dim = 4;
  options.ch = 32;
  options.ch_mult = {1, 1};
  options.num_res_blocks = 1;
  options.resolution = 10;
  return options;
}

inline image::MarOptions tiny_mar_options() {
  image::MarOptions options;
  options.img_size = 10;
  options.class_num = 5;
  options.encoder_embed_dim = 16;
  options.encoder_depth = 2;
  options.encoder_num_heads = 2;
  options.decoder_embed_dim = 24;
  options.decoder_depth = 2;
  options.decoder_num_heads = 2;
  options.attn_dropout = options.proj_dropout = 0.0;
  options.buffer_size = 3;
  options.diffloss_d = 2;
  options.diffloss_w = 16;
  options.diffusion_batch_mul = 2;
  options.vae = tiny_kl_vae_options();
  return options;
}

inline image::HiMarOptions tiny_himar_options() {
  image::HiMarOptions options;
  static_cast<nn::MaskedGeneratorOptions&>(options) = tiny_mar_options();
  options.decoder_embed_dim = options.encoder_embed_dim;
  options.img_size = 10;
  options.class_num = 5;
  options.buffer_size = 3;
  options.cond_scale = 3;
  options.gdm_w = 24;
  options.gdm_d = 2;
  options.head = 2;
  options.ratio = 2.0;
  options.vae = tiny_kl_vae_options();
  return options;
}

inline image::MmarOptions tiny_mmar_options() {
  image::MmarOptions options;
  options.img_size = 10;
  options.words = {"a", "dark", "bright", "narrow", "wide", "boot", "bag"};
  options.hidden_size = 24;
  options.num_hidden_layers = 2;
  options.num_attention_heads = 4;
  options.num_key_value_heads = 2;
  options.intermediate_size = 40;
  options.vit_dim = 16;
  options.vit_depth = 1;
  options.vit_heads = 2;
  options.diffloss_d = 2;
  options.diffloss_w = 16;
  options.diffusion_batch_mul = 2;
  options.vae = tiny_kl_vae_options();
  return options;
}

inline image::FlowArOptions tiny_flowar_options(bool cross = false) {
  image::FlowArOptions options;
  options.class_num = 5;
  options.encoder_embed_dim = 24;
  options.encoder_depth = 2;
  options.encoder_num_heads = 3;
  options.decoder_depth = 1;
  options.decoder_num_heads = 2;
  options.attn_dropout = options.proj_dropout = 0.0;
  options.diffloss_d = 2;
  options.diffloss_w = 64;
  options.scale = {1, 2, 5};
  options.cross = cross;
  options.vae = tiny_kl_vae_options();
  return options;
}

/// A model with weights large enough to make every part count, ready for inference.
template <class Model, class Options>
std::shared_ptr<Model> tiny_model(const Options& options, int64_t seed = 1) {
  torch::manual_seed(seed);
  const torch::NoGradGuard no_grad;
  auto model = std::make_shared<Model>(options);
  model->initialise();
  for (auto& parameter : model->parameters()) parameter.add_(at::randn_like(parameter), 0.1);
  model->eval();
  return model;
}

}  // namespace arzoo::test
