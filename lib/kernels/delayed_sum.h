#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::kernels {

/// A weighted sum of copies of a periodic series, each delayed by some steps (time-delay aggregation,
/// Autoformer, Sec. 3.2): out[b, t] = sum_i weights[b, i] * values[b, (t + delays[b, i]) mod period].
///
/// values: [B, S, W], of any strides; rows past the period are left out, missing ones
/// count as zero. delays: [B, k] int64 in [0, period); weights: [B, k] float. Returns [B, rows, W] in the
/// type of `values`, rows <= period; sums are fp32. O(k rows W) time. Records no autograd.
at::Tensor delayed_sum(const at::Tensor& values, const at::Tensor& delays, const at::Tensor& weights,
                       int64_t period, int64_t rows);

/// How much delayed values resemble another series: out[b, i] = sum_t <series[b, t], values[b, (t +
/// delays[b, i]) mod period]>, which is the gradient of the weights above. series: [B, period, W]; values,
/// delays as above; returns [B, k] float. Records no autograd.
at::Tensor delayed_products(const at::Tensor& series, const at::Tensor& values, const at::Tensor& delays,
                            int64_t period);

}  // namespace arzoo::kernels
