#pragma once

#include "kernels/packed_weights.h"
#include "nn/affine.h"

namespace arzoo::nn {

/// A low-rank map beside a frozen weight (Hu et al., LoRA, ICLR 2022): scale * B A x.
struct LoraSizes {
  int64_t r = 8;         ///< rank
  double scale = 1.0;    ///< alpha / r
  double dropout = 0.0;  ///< on x, in training
};

/// A linear map, as torch.nn.Linear. Its constructor does not initialise the weights: a model is either
/// loaded or initialised as a whole.
class LinearLayer : public torch::nn::Module, public kernels::PackedForInference, public LinearMap {
 public:
  LinearLayer(int64_t in, int64_t out, bool with_bias = true);

  /// after(x W^T + b). x: [..., in]; returns [..., out].
  at::Tensor forward(const at::Tensor& x, kernels::Activation after = kernels::Activation::none) const;
  at::Tensor map(const at::Tensor& x, kernels::Activation after) const override { return forward(x, after); }
  /// The same with this bias in place of the layer's.
  at::Tensor with_bias(const at::Tensor& x, const at::Tensor& bias,
                       kernels::Activation after = kernels::Activation::none) const;
  void pack() override;
  std::vector<kernels::QuantizableWeight> quantizable(Quantization form) const override;
  void take_packed(const std::string& name, const at::Tensor& packed) override;

  /// What forward() computes on: once it is packed, the packed weight; without what add_lora() adds.
  Affine map() const { return {packed_.defined() ? packed_ : weight_, bias_}; }
  /// Normal weights of this deviation, bias 0.
  void initialise(double stddev);
  /// Freezes weight and bias and adds the modules lora_A, uniform in +-1 / sqrt(in), and lora_B, 0.
  void add_lora(const LoraSizes& sizes);
  bool has_lora() const { return lora_a_ != nullptr; }

  const at::Tensor& weight() const { return weight_; }
  const at::Tensor& bias() const { return bias_; }
  at::ScalarType type() const { return weight_.scalar_type(); }

 private:
  at::Tensor weight_;  ///< [out, in]
  at::Tensor bias_;    ///< [out], undefined when there is none
  at::Tensor packed_;  ///< the weight, once it is packed
  LoraSizes lora_;
  std::shared_ptr<LinearLayer> lora_a_, lora_b_;  ///< [r, in], [out, r]; null without LoRA
};

/// The type of the weights and biases of all linear layers inside `module`, for inference. They become memory
/// as it comes.
void set_linear_type(torch::nn::Module& module, at::ScalarType type);

}  // namespace arzoo::nn
