#pragma once

#include <torch/nn/module.h>

#include "kernels/modulated_norm.h"
#include "kernels/rms_norm.h"
#include "nn/affine.h"

namespace arzoo::nn {

/// Root mean square normalisation (kernels/rms_norm.h) with a learned weight, [D].
class RmsNorm : public torch::nn::Module {
 public:
  RmsNorm(int64_t width, double eps);

  /// x: [..., D]; returns the same shape and type.
  at::Tensor forward(const at::Tensor& x) const;
  /// The same as a modulation of a norm that is not centred, for inference.
  kernels::Modulation modulation() const;
  Affine affine() const { return {weight_, {}}; }

 private:
  double eps_;
  at::Tensor weight_;  ///< [D]
};

}  // namespace arzoo::nn
