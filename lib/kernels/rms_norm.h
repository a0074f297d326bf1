#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::kernels {

/// x / sqrt(mean(x^2) + eps) * weight over the last axis (Zhang & Sennrich, NeurIPS 2019).
///
/// As in the LLaMA line the mean is taken in fp32 and the quotient rounded to x's type before the weight is
/// applied. One pass over the rows in inference on a CPU. x: [..., D]; weight: [D].
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

}  // namespace arzoo::kernels
