#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::forecast {

/// A series and its slow part: seasonal + trend is the series. [B, L, D] each.
struct Decomposition {
  at::Tensor seasonal, trend;
};

/// Series decomposition (Autoformer, Sec. 3.1): the trend is the mean over `moving_avg` (odd) steps around
/// each step, the first and the last step repeated beyond the ends. x: [B, L, D].
///
/// Sums run along time in double, so the cost does not depend on moving_avg and no precision is lost.
Decomposition decompose(const at::Tensor& x, int64_t moving_avg);

/// decompose(x + dropout(y)), in one pass over both and one in the backward pass, which keeps no tensor.
/// x, y: [B, L, D].
Decomposition residual_decompose(const at::Tensor& x, const at::Tensor& y, int64_t moving_avg, double dropout,
                                 bool training);

/// As residual_decompose where the trend is not needed (the encoder): the seasonal part alone.
at::Tensor residual_seasonal(const at::Tensor& x, const at::Tensor& y, int64_t moving_avg, double dropout,
                             bool training);

}  // namespace arzoo::forecast
