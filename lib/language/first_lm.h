#pragma once

#include "language/decoder_lm.h"

namespace arzoo::language {

/// The routers of FiRST.
struct RouterOptions {
  double lambda = 0.01;
  double alpha = 0.1;
  double threshold = 0.5;

  static void fields(auto& o, auto& field) {
    field("lambda", o.lambda, at_least(0), "weight of the routers' squared weights in the loss");
    field("alpha", o.alpha, at_least(0), "weight of the mean gate in the loss: larger skips more layers");
    field("threshold", o.threshold, between(0, 1), "gate from which a token votes for a layer");
  }
};

/// FiRST (Jain et al., "FiRST: Finetuning Router-Selective Transformers", 2024; arXiv 2410.12513): routers
/// decide from the prompt which layers run. No code of it is published: this is a reconstruction
/// (docs/families/language.md).
struct FirstOptions {
  static constexpr std::string_view kName = "first_lm";
  static constexpr std::string_view kPaper = "Jain et al., FiRST, 2024 (reconstruction)";
  static constexpr std::string_view kGenerates = "generate-text score";

  DecoderLmOptions base = {.architecture = "llama"};
  RouterOptions router = {};

  static void fields(auto& o, auto& field) {
    field("base", o.base, {}, "the decoder whose layers are skipped: options of decoder_lm, not gpt2");
    field("router", o.router, {}, "a linear map per layer from a token to its gate");
  }
  void check() const { require(!base.is_gpt2(), "base must be llama, qwen2 or gpt_neox, got gpt2"); }
};

}  // namespace arzoo::language
