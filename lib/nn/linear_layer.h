#pragma once

#include "kernels/packed_weights.h"
#include "nn/affine.h"

namespace arzoo::nn {

/// A linear map, as torch.nn.Linear. Its constructor does not initialise the weights: a model is either
/// loaded or initialised as a whole.
class LinearLayer : public torch::nn::Module, public kernels::PackedForInference {
 public:
  LinearLayer(int64_t in, int64_t out, bool with_bias = true);

  /// after(x W^T + b). x: [..., in]; returns [..., out].
  at::Tensor forward(const at::Tensor& x, kernels::Activation after = kernels::Activation::none) const;
  /// The same with this bias in place of the layer's.
  at::Tensor with_bias(const at::Tensor& x, const at::Tensor& bias,
                       kernels::Activation after = kernels::Activation::none) const;
  void pack() override;

  /// What forward() computes on: once it is packed, the packed weight.
  Affine map() const { return {packed_.defined() ? packed_ : weight_, bias_}; }
  const at::Tensor& weight() const { return weight_; }
  const at::Tensor& bias() const { return bias_; }
  at::ScalarType type() const { return weight_.scalar_type(); }

 private:
  at::Tensor weight_;  ///< [out, in]
  at::Tensor bias_;    ///< [out], undefined when there is none
  at::Tensor packed_;  ///< the weight, once it is packed
};

/// The type of the weights and biases of all linear layers inside `module`, for inference. They become memory
/// as it comes.
void set_linear_type(torch::nn::Module& module, at::ScalarType type);

}  // namespace arzoo::nn
