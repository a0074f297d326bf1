#pragma once

#include <torch/nn/module.h>

#include "nn/linear.h"

namespace arzoo::nn {

/// A linear map, as torch.nn.Linear, whose weights are not drawn when it is made: a model is either loaded or
/// initialised as a whole.
class LinearLayer : public torch::nn::Module {
 public:
  LinearLayer(int64_t in, int64_t out, bool with_bias = true);

  /// after(x W^T + b). x: [..., in]; returns [..., out].
  at::Tensor forward(const at::Tensor& x, Activation after = Activation::none) const;
  /// The same for a few rows, [N, in]: as W x^T, which reads the weights once where the usual product is
  /// slow.
  at::Tensor of_few_rows(const at::Tensor& x) const;

  const at::Tensor& weight() const { return weight_; }
  const at::Tensor& bias() const { return bias_; }

 private:
  at::Tensor weight_;  ///< [out, in]
  at::Tensor bias_;    ///< [out], undefined when there is none
};

}  // namespace arzoo::nn
