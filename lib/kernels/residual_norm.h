#pragma once

#include <torch/nn/modules/normalization.h>

namespace arzoo::kernels {

/// norm(x + dropout(y W^T + b)): the end of every post-norm sub-layer (Vaswani et al. 2017, Sec. 3.1) with
/// the linear map that feeds it. In inference on a CPU the bias, the sum and the normalisation are one pass
/// over the product. x: [..., D]; y: [..., F]; weight: [D, F]; bias: [D]; returns [..., D].
at::Tensor residual_norm(const at::Tensor& x, const at::Tensor& y, const at::Tensor& weight,
                         const at::Tensor& bias, double p, torch::nn::LayerNorm& norm);

}  // namespace arzoo::kernels
