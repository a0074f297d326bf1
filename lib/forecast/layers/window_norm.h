#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::forecast {

/// Per-window statistics, [B, 1, C] each; both undefined when the model does not normalise.
struct WindowStats {
  at::Tensor mean, std;
};

/// Tokens of variates: x [B, L, C] and marks [B, L, M] (may be undefined) become [B, C + M, L], one pass, no
/// gradient. With `normalise` each variate's window is centred and divided by sqrt(biased variance + 1e-5),
/// and `stats` says how (Liu et al., Non-stationary Transformers, NeurIPS 2022, as iTransformer uses it);
/// marks are left as they are.
at::Tensor variate_tokens(const at::Tensor& x, const at::Tensor& marks, bool normalise, WindowStats& stats);

/// Undoes the normalisation on a forecast [B, S, C].
at::Tensor denormalise(const at::Tensor& forecast, const WindowStats& stats);

}  // namespace arzoo::forecast
