#pragma once

#include "forecast/layers/encoder_fields.h"

namespace arzoo::forecast {

/// iTransformer (Liu et al., ICLR 2024): attention across variates, each embedded as one token. Names are the
/// official script's.
struct ITransformerOptions {
  static constexpr std::string_view kName = "itransformer";
  static constexpr std::string_view kPaper = "Liu et al., iTransformer, ICLR 2024";
  static constexpr bool kTakesCovariates = true;

  int64_t d_model = 512;
  int64_t n_heads = 8;
  int64_t e_layers = 2;
  int64_t d_ff = 512;
  double dropout = 0.1;
  std::string activation = "gelu";
  bool use_norm = true;

  static void fields(auto& o, auto& field) {
    field("d_model", o.d_model, at_least(1), "width of a token");
    variate_encoder_fields(o, field);
  }
  void check() const {
    require(d_model >= n_heads, "d_model ({}) must be at least n_heads ({})", d_model, n_heads);
  }
};

}  // namespace arzoo::forecast
