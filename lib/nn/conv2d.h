#pragma once

#include "kernels/packed_weights.h"

namespace arzoo::nn {

/// What makes one convolution differ from another.
struct ConvShape {
  int64_t in = 0, out = 0;
  int64_t kernel = 3;
  int64_t stride = 1;
  int64_t padding = 1;  ///< zeros on each side
};

/// A two-dimensional convolution with bias, as torch.nn.Conv2d.
///
/// The constructor does not initialise the weights: a model is either loaded or initialised as a whole.
class Conv2d : public torch::nn::Module, public kernels::PackedForInference {
 public:
  explicit Conv2d(const ConvShape& shape);

  /// x: [B, in, H, W]; returns [B, out, H', W'], channels-last where x is.
  at::Tensor forward(const at::Tensor& x);
  /// PyTorch's default: uniform within 1 / sqrt(fan in).
  void initialise();
  /// Takes effect at the next input, whose size decides the layout.
  void pack() override;

  const at::Tensor& weight() const { return weight_; }
  const at::Tensor& bias() const { return bias_; }

 private:
  kernels::ConvSteps steps() const { return {shape_.stride, shape_.padding}; }

  ConvShape shape_;
  at::Tensor weight_;  ///< [out, in, kernel, kernel]
  at::Tensor bias_;    ///< [out]
  bool to_be_packed_ = false;
  at::Tensor packed_;  ///< the weight, once it is packed
};

/// Calls initialise() of each convolution in the module.
void initialise_convolutions(torch::nn::Module& module);

}  // namespace arzoo::nn
