#pragma once

#include "image/llamagen.h"

namespace arzoo::image {

/// The drafter of EAGLE (Li et al., ICML 2024) for a trained LlamaGen, as LANTERN trains it: it predicts the
/// target's next state, so that one pass of the target can verify a tree of its drafts. Sizes are the
/// target's.
struct EagleOptions {
  static constexpr std::string_view kName = "eagle";
  static constexpr std::string_view kPaper = "Li et al., EAGLE, ICML 2024; Jang et al., LANTERN, ICLR 2025";

  int64_t hidden_width = 0;
  bool bias = true;
  double norm_eps = 1e-6;
  double p_w = 0.1;
  double noise_std = 0.2;
  LlamaGenOptions target;

  static void fields(auto& o, auto& field) {
    field("hidden_width", o.hidden_width, at_least(0), "width of the feed-forward layer; 0 for the target's");
    field("bias", o.bias, {}, "the map from token and state has a bias");
    field("norm_eps", o.norm_eps, more_than(0), "added to the mean square in normalisation");
    field("p_w", o.p_w, at_least(0), "weight of the codes' cross-entropy beside the states' error");
    field("noise_std", o.noise_std, at_least(0),
          "width of the uniform noise on the target's states in training, for 512 tokens");
    field("target", o.target, {}, "the model that it drafts for, a model \"llamagen\" of classes");
  }
  void check() const { require(!target.by_caption(), "target.model_type is t2i, expected c2i"); }
};

}  // namespace arzoo::image
