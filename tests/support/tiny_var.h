#pragma once

#include "image/var_sampler.h"
#include "support/test.h"

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

/// A tokenizer and a transformer with weights large enough to make every part count.
struct TinyVar {
  explicit TinyVar(const image::VarOptions& options = tiny_var_options(), int64_t seed = 1)
      : vae(options.vae), model(options) {
    torch::manual_seed(seed);
    const torch::NoGradGuard no_grad;
    vae.initialise();
    model.initialise();
    for (auto& parameter : model.parameters()) parameter.add_(at::randn_like(parameter), 0.15);
    model.eval();
    vae.eval();
  }
  image::VarSampler sampler() { return image::VarSampler(vae, model); }

  image::Vqvae vae;
  image::Var model;
};

}  // namespace arzoo::test
