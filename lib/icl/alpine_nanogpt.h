#pragma once

#include "nn/decoder_options.h"

namespace arzoo::icl {

/// nanoGPT on paths of a graph (ALPINE, Wang et al., NeurIPS 2024): no biases, the head tied to the
/// embedding.
struct AlpineOptions {
  static constexpr std::string_view kName = "alpine_nanogpt";
  static constexpr std::string_view kPaper = "Wang et al., ALPINE, NeurIPS 2024 (planning in graphs)";
  static constexpr std::string_view kData = "graph";

  nn::DecoderOptions decoder = defaults();

  static nn::DecoderOptions defaults() {
    nn::DecoderOptions options;
    options.n_embd = 120;
    options.n_layer = options.n_head = 1;
    options.bias = false;
    return options;
  }
  static void fields(auto& o, auto& field) { nn::DecoderOptions::fields(o.decoder, field); }
  void check() const {
    decoder.check();
    require(decoder.attention == "softmax",
            "paths are generated with a cache, which needs softmax attention");
  }
};

}  // namespace arzoo::icl
