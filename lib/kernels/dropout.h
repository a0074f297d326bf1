#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::kernels {

/// Inverted dropout: zeroes each element with probability `p` and scales the rest by 1 / (1 - p); x itself
/// when not `training`.
///
/// The mask is a function of the element's index and of one 64-bit number from the default CPU generator, so
/// it costs no memory, is computed again in the backward pass, and does not depend on the number of threads.
/// (LibTorch's own generates every element with one sequential generator: 15 % of an iTransformer training
/// step.)
/// x: float, any shape.
at::Tensor dropout(const at::Tensor& x, double p, bool training);

/// The random key that a mask is a function of (kernels/dropout_mask.h): for kernels with a dropout of their
/// own.
int64_t sample_dropout_key();

/// x + dropout(y), in one pass over both. x, y: the same shape.
at::Tensor residual_dropout(const at::Tensor& x, const at::Tensor& y, double p, bool training);

}  // namespace arzoo::kernels
