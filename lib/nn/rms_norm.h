#pragma once

#include <torch/nn/module.h>

#include "kernels/modulated_norm.h"

namespace arzoo::nn {

/// x / sqrt(mean(x^2) + eps) * weight over the last axis (Zhang & Sennrich, NeurIPS 2019).
///
/// As in the LLaMA line the mean is taken in fp32 and the quotient rounded to x's type before the weight is
/// applied. One pass over the rows in inference on a CPU. x: [..., D]; weight: [D].
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

/// The same as a layer.
class RmsNorm : public torch::nn::Module {
 public:
  RmsNorm(int64_t width, double eps);

  /// x: [..., D]; returns the same shape and type.
  at::Tensor forward(const at::Tensor& x) const;
  /// The same as a modulation of a norm that is not centred, for inference.
  kernels::Modulation modulation() const;

 private:
  double eps_;
  at::Tensor weight_;  ///< [D]
};

}  // namespace arzoo::nn
