#pragma once

#include "kernels/linear.h"

namespace arzoo::kernels {

/// dropout(activation(x W^T + b)): the hidden layer of a feed-forward block.
///
/// In inference it is nn::linear with its epilogue. In training activation and dropout are one pass over the
/// product and one pass back, for which only the product is stored. The GELU is exact to 4e-7 of its input.
///
/// x: [..., in]; weight: [out, in]; bias: [out], may be undefined; returns [..., out].
at::Tensor hidden_layer(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                        Activation after, double p, bool training);

}  // namespace arzoo::kernels
