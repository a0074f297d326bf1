#pragma once

#include "nn/decoder_options.h"

namespace arzoo::icl {

/// GPT-2 on interleaved prompts (Garg et al., NeurIPS 2022). The options are the shared decoder's; the
/// defaults the paper's standard model.
struct GargGpt2Options {
  static constexpr std::string_view kName = "garg_gpt2";
  static constexpr std::string_view kPaper = "Garg et al., NeurIPS 2022 (in-context function classes)";
  static constexpr std::string_view kData = "functions";

  nn::DecoderOptions decoder;

  static void fields(auto& o, auto& field) { nn::DecoderOptions::fields(o.decoder, field); }
  void check() const { decoder.check(); }
};

}  // namespace arzoo::icl
