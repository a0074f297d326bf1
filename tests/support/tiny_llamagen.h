#pragma once

#include "image/llamagen_sampler.h"
#include "support/test.h"

namespace arzoo::test {

inline image::LlamaGenOptions tiny_llamagen_options() {
  image::LlamaGenOptions options;
  options.dim = 32;
  options.n_layer = 2;
  options.n_head = 2;
  options.multiple_of = 16;
  options.num_classes = 5;
  options.vocab_size = 24;
  options.block_size = 16;
  options.vae.codebook_size = 24;
  options.vae.codebook_embed_dim = 4;
  options.vae.ch = 32;
  options.vae.encoder_ch_mult = options.vae.decoder_ch_mult = {1, 1};
  options.vae.num_res_blocks = 1;
  options.vae.z_channels = 16;
  options.vae.resolution = 8;
  return options;
}

inline image::LlamaGenOptions tiny_captioned_options() {
  auto options = tiny_llamagen_options();
  options.model_type = "t2i";
  options.caption_dim = 6;
  options.cls_token_num = 4;
  return options;
}

/// A tokenizer and a transformer with weights large enough to make every part count.
struct TinyLlamaGen {
  explicit TinyLlamaGen(const image::LlamaGenOptions& options = tiny_llamagen_options(), int64_t seed = 1)
      : vae(options.vae), model(options) {
    torch::manual_seed(seed);
    const torch::NoGradGuard no_grad;
    vae.initialise();
    model.initialise();
    for (auto& parameter : model.parameters()) parameter.add_(at::randn_like(parameter), 0.15);
    model.eval();
    vae.eval();
  }
  image::LlamaGenVq vae;
  image::LlamaGen model;
};

}  // namespace arzoo::test
