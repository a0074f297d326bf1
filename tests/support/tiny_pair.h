#pragma once

#include "support/test.h"

namespace arzoo::test {

/// A tokenizer and a transformer with weights large enough to make every part count.
template <class Vae, class Model>
struct TinyPair {
  template <class Options>
  TinyPair(const Options& options, int64_t seed) : vae(options.vae), model(options) {
    torch::manual_seed(seed);
    const torch::NoGradGuard no_grad;
    vae.initialise();
    model.initialise();
    for (auto& parameter : model.parameters()) parameter.add_(at::randn_like(parameter), 0.15);
    model.eval();
    vae.eval();
  }
  Vae vae;
  Model model;
};

}  // namespace arzoo::test
