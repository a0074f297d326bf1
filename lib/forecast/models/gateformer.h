#pragma once

#include "core/config.h"
#include "forecast/series_shape.h"

namespace arzoo::forecast {

/// Gateformer (Lan, arXiv 2505.00307): what a variate's patches say of its course in time and what its whole
/// window says are weighed by a gate; attention across variates and a second gate follow. Names are the
/// official script's.
struct GateformerOptions {
  static constexpr std::string_view kName = "gateformer";
  static constexpr std::string_view kPaper = "Lan, Gateformer, arXiv 2505.00307";
  static constexpr bool kTakesCovariates = true;

  int64_t patch_len = 8;
  int64_t stride = 8;
  int64_t d_model = 64;
  int64_t n_heads = 4;
  int64_t e_layers = 2;
  int64_t d_ff = 64;
  double dropout = 0.1;

  static void fields(auto& o, auto& field) {
    field("patch_len", o.patch_len, at_least(1), "steps of one patch, at most seq_len");
    field("stride", o.stride, at_least(1), "steps between the starts of two patches");
    field("d_model", o.d_model, at_least(2), "width of a token; even, and a multiple of n_heads");
    field("n_heads", o.n_heads, at_least(1), "attention heads");
    field("e_layers", o.e_layers, between(1, 1024), "layers of the temporal and of the variate encoder");
    field("d_ff", o.d_ff, at_least(1), "width of the feed-forward layer");
    field("dropout", o.dropout, from_below(0, 1), "probability of dropout in training");
  }
  void check() const {
    require(d_model % n_heads == 0, "d_model ({}) must be a multiple of n_heads ({})", d_model, n_heads);
    require(d_model % 2 == 0, "d_model must be even, got {}", d_model);
  }
  void check_shape(const SeriesShape& shape) const {
    require(patch_len <= shape.seq_len, "patch_len ({}) must not exceed seq_len ({})", patch_len,
            shape.seq_len);
  }
};

}  // namespace arzoo::forecast
