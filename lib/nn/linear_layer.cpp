#include "nn/linear_layer.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/dropout.h"
#include "kernels/quantized_weights.h"
#include "nn/storage_type.h"

namespace arzoo::nn {

LinearLayer::LinearLayer(int64_t in, int64_t out, bool with_bias) {
  weight_ = register_parameter("weight", at::empty({out, in}));
  if (with_bias) bias_ = register_parameter("bias", at::empty({out}));
}

at::Tensor LinearLayer::forward(const at::Tensor& x, kernels::Activation after) const {
  return with_bias(x, bias_, after);
}

at::Tensor LinearLayer::with_bias(const at::Tensor& x, const at::Tensor& bias,
                                  kernels::Activation after) const {
  const auto& weight = packed_.defined() ? packed_ : weight_;
  if (!has_lora()) return kernels::linear(x, weight, bias, after);
  const auto dropped = is_training() ? kernels::dropout(x, lora_.dropout, true) : x;
  const auto low_rank = lora_b_->forward(lora_a_->forward(dropped)) * lora_.scale;
  return kernels::activate(kernels::linear(x, weight, bias) + low_rank, after);
}

void LinearLayer::initialise(double stddev) {
  const torch::NoGradGuard no_grad;
  weight_.normal_(0.0, stddev);
  if (bias_.defined()) bias_.zero_();
}

void LinearLayer::add_lora(const LoraSizes& sizes) {
  const torch::NoGradGuard no_grad;
  weight_.set_requires_grad(false);
  if (bias_.defined()) bias_.set_requires_grad(false);
  lora_ = sizes;
  const int64_t in = weight_.size(1), out = weight_.size(0);
  lora_a_ = register_module("lora_A", std::make_shared<LinearLayer>(in, sizes.r, /*with_bias=*/false));
  lora_b_ = register_module("lora_B", std::make_shared<LinearLayer>(sizes.r, out, /*with_bias=*/false));
  const double bound = 1.0 / std::sqrt(static_cast<double>(in));
  lora_a_->weight_.uniform_(-bound, bound);
  lora_b_->weight_.zero_();
  lora_a_->to(weight_.device());
  lora_b_->to(weight_.device());
}

void set_linear_type(torch::nn::Module& module, at::ScalarType type) {
  for (const auto& part : module.modules(/*include_self=*/false)) {
    if (dynamic_cast<const LinearLayer*>(part.get()) != nullptr) set_storage_type(*part, type);
  }
}

void LinearLayer::pack() {
  if (packed_.defined() || !kernels::can_pack(weight_)) return;
  packed_ = kernels::packed_linear_weight(weight_);
  kernels::release(weight_);
}

std::vector<kernels::QuantizableWeight> LinearLayer::quantizable(Quantization form) const {
  if (packed_.defined() || !kernels::fits(weight_, form)) return {};
  return {{"weight", weight_, form}};
}

void LinearLayer::take_packed(const std::string&, const at::Tensor& packed) {
  packed_ = packed;
  kernels::release(weight_);
}

}  // namespace arzoo::nn
