#pragma once

#include "forecast/layers/encoder_fields.h"
#include "forecast/official_flags.h"
#include "forecast/series_shape.h"

namespace arzoo::forecast {

/// TimeXer (Wang et al., NeurIPS 2024, arXiv 2402.19072): patches of the targets, and every other column of
/// the data as one exogenous token, which a learned global token of each target attends to. Names are the
/// official script's.
///
/// Targets are the last c_out columns. If all columns are targets (features M), all are exogenous as well.
struct TimeXerOptions {
  static constexpr std::string_view kName = "timexer";
  static constexpr std::string_view kPaper = "Wang et al., TimeXer, NeurIPS 2024";
  static constexpr bool kTakesCovariates = true;

  int64_t patch_len = 16;
  int64_t d_model = 512;
  int64_t n_heads = 8;
  int64_t e_layers = 2;
  int64_t d_ff = 512;
  double dropout = 0.1;
  std::string activation = "gelu";
  bool use_norm = true;

  static void fields(auto& o, auto& field) {
    field("patch_len", o.patch_len, at_least(1),
          "steps of one patch, at most seq_len; steps at the end that fill no patch are not seen");
    field("d_model", o.d_model, at_least(2), "width of a token, even");
    variate_encoder_fields(o, field);
  }
  void check() const {
    require(d_model >= n_heads, "d_model ({}) must be at least n_heads ({})", d_model, n_heads);
    require(d_model % 2 == 0, "d_model must be even, got {}", d_model);
  }
  void check_shape(const SeriesShape& shape) const {
    require(patch_len <= shape.seq_len, "patch_len ({}) must not exceed seq_len ({})", patch_len,
            shape.seq_len);
  }
  static Json normalised(const Config& official) { return with_boolean_flags(official.json(), {"use_norm"}); }
  /// The official c_out is not used: features MS has one target, M as many as columns.
  static int64_t official_outputs(const Config& official, const SeriesShape& shape) {
    return official.has("features") && official.text("features") == "MS" ? 1 : shape.enc_in;
  }
};

}  // namespace arzoo::forecast
