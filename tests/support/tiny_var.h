#pragma once

#include "image/var_sampler.h"
#include "support/tiny_pair.h"

namespace arzoo::test {

inline image::VqvaeOptions tiny_vqvae_options() {
  image::VqvaeOptions options;
  options.vocab_size = 20;
  options.z_channels = 6;
  options.ch = 32;
  options.ch_mult = {1, 1};
  options.num_res_blocks = 1;
  options.v_patch_nums = {1, 2, 3, 5};
  return options;
}

inline image::VarOptions tiny_var_options() {
  image::VarOptions options;
  options.num_classes = 5;
  options.depth = 4;
  options.embed_dim = 32;
  options.num_heads = 2;
  options.drop_path_rate = 0.0;
  options.vae = tiny_vqvae_options();
  options.patch_nums = options.vae.v_patch_nums;
  return options;
}

struct TinyVar : TinyPair<image::Vqvae, image::Var> {
  explicit TinyVar(const image::VarOptions& options = tiny_var_options(), int64_t seed = 1)
      : TinyPair(options, seed) {}
  image::VarSampler sampler() { return image::VarSampler(vae, model); }
};

}  // namespace arzoo::test
