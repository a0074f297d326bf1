#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::forecast {

/// y[t] = x[t] + sum_k kernel[k] x[t + k - K / 2], zeros beyond the ends: the smoothing over one period with
/// which SparseTSF and MixLinear begin. One pass per row; LibTorch's convolution of a single channel takes
/// ten times as long. x: [rows, L]; kernel: [K], K odd; returns [rows, L]. x gets no gradient: it is data.
at::Tensor period_filter(const at::Tensor& x, const at::Tensor& kernel);

/// What inference on a CPU does in one pass over a window of MixLinear: centre, filter, map periods, add the
/// level. x: [B, L, C] float; kernel: [K]; periods: [m, n] maps the n periods of L / n steps to m; returns
/// [B, pred_len, C].
at::Tensor map_periods(const at::Tensor& x, const at::Tensor& kernel, const at::Tensor& periods,
                       int64_t pred_len);

}  // namespace arzoo::forecast
