#pragma once

#include "image/llamagen_sampler.h"
#include "support/tiny_pair.h"

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

struct TinyLlamaGen : TinyPair<image::LlamaGenVq, image::LlamaGen> {
  explicit TinyLlamaGen(const image::LlamaGenOptions& options = tiny_llamagen_options(), int64_t seed = 1)
      : TinyPair(options, seed) {}
};

}  // namespace arzoo::test
