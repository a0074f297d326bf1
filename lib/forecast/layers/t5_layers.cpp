#include "forecast/layers/t5_layers.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/dropout.h"

namespace arzoo::forecast {
namespace {

/// A module whose only purpose is the names of its parts.
class T5Dense : public torch::nn::Module {
 public:
  T5Dense(const std::shared_ptr<nn::LinearLayer>& wi, const std::shared_ptr<nn::LinearLayer>& wo) {
    register_module("wi", wi);
    register_module("wo", wo);
  }
};

double root(int64_t size) { return std::sqrt(static_cast<double>(size)); }

at::Tensor dropped(const torch::nn::Module& module, const at::Tensor& x, double p) {
  return module.is_training() && p > 0.0 ? kernels::dropout(x, p, true) : x;
}

}  // namespace

kernels::Activation t5_activation(const std::string& name) {
  using kernels::Activation;
  if (name == "gelu") return Activation::gelu;
  if (name == "gelu_new") return Activation::gelu_tanh;
  return name == "silu" ? Activation::silu : Activation::relu;
}

T5Attention::T5Attention(const T5Sizes& sizes) : sizes_(sizes) {
  const int64_t inner = sizes.num_heads * sizes.d_kv;
  const auto layer = [&](const char* name, int64_t in, int64_t out) {
    return register_module(name, std::make_shared<nn::LinearLayer>(in, out, /*with_bias=*/false));
  };
  q_ = layer("q", sizes.d_model, inner);
  k_ = layer("k", sizes.d_model, inner);
  v_ = layer("v", sizes.d_model, inner);
  o_ = layer("o", inner, sizes.d_model);
}

at::Tensor T5Attention::as_heads(const at::Tensor& x) const {
  return x.view({x.size(0), x.size(1), sizes_.num_heads, sizes_.d_kv}).transpose(1, 2);
}

at::Tensor T5Attention::mix(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const at::Tensor& bias) const {
  kernels::AttentionMode mode;
  mode.scale = 1.0;
  mode.bias = bias;
  mode.dropout = sizes_.dropout_rate;
  mode.training = is_training();
  return kernels::attention(q, k, v, mode);
}

void T5Attention::initialise(double factor) {
  q_->initialise(factor / root(sizes_.d_model * sizes_.d_kv));
  k_->initialise(factor / root(sizes_.d_model));
  v_->initialise(factor / root(sizes_.d_model));
  o_->initialise(factor / root(sizes_.num_heads * sizes_.d_kv));
}

T5AttentionLayer::T5AttentionLayer(const T5Sizes& sizes, const std::string& attention_name)
    : dropout_(sizes.dropout_rate) {
  attention_ = register_module(attention_name, std::make_shared<T5Attention>(sizes));
  layer_norm_ =
      register_module("layer_norm", std::make_shared<nn::RmsNorm>(sizes.d_model, sizes.layer_norm_epsilon));
}

at::Tensor T5AttentionLayer::add(const at::Tensor& x, const at::Tensor& update) const {
  return x + dropped(*this, update, dropout_);
}

void T5AttentionLayer::initialise(double factor) {
  attention_->initialise(factor);
  fill_norm(*layer_norm_, factor);
}

T5FeedForwardLayer::T5FeedForwardLayer(const T5Sizes& sizes, const std::string& name) : sizes_(sizes) {
  wi_ = std::make_shared<nn::LinearLayer>(sizes.d_model, sizes.d_ff, /*with_bias=*/false);
  wo_ = std::make_shared<nn::LinearLayer>(sizes.d_ff, sizes.d_model, /*with_bias=*/false);
  register_module(name, std::make_shared<T5Dense>(wi_, wo_));
  layer_norm_ =
      register_module("layer_norm", std::make_shared<nn::RmsNorm>(sizes.d_model, sizes.layer_norm_epsilon));
}

at::Tensor T5FeedForwardLayer::forward(const at::Tensor& x) const {
  const auto hidden = wi_->forward(layer_norm_->forward(x), sizes_.activation);
  const auto update = wo_->forward(dropped(*this, hidden, sizes_.dropout_rate));
  return x + dropped(*this, update, sizes_.dropout_rate);
}

void T5FeedForwardLayer::initialise(double factor) {
  wi_->initialise(factor / root(sizes_.d_model));
  wo_->initialise(factor / root(sizes_.d_ff));
  fill_norm(*layer_norm_, factor);
}

T5Shared::T5Shared(int64_t d_model) { weight_ = register_parameter("weight", at::empty({2, d_model})); }

at::Tensor T5Shared::token(int64_t i, int64_t rows) const {
  return weight_[i].view({1, 1, -1}).expand({rows, 1, -1});
}

void T5Shared::initialise(double factor) {
  const torch::NoGradGuard no_grad;
  weight_.normal_(0.0, factor);
}

at::Tensor key_bias(const at::Tensor& mask, at::ScalarType type) {
  if (!mask.defined()) return {};
  // Half of it, so that a kernel that scales scores to powers of two does not overflow.
  const double lowest = type == at::kHalf ? static_cast<double>(std::numeric_limits<c10::Half>::lowest())
                        : type == at::kBFloat16
                            ? static_cast<double>(std::numeric_limits<c10::BFloat16>::lowest())
                            : static_cast<double>(std::numeric_limits<float>::lowest());
  return at::zeros(mask.sizes(), mask.options().dtype(type))
      .masked_fill(mask.eq(0), lowest / 2)
      .view({mask.size(0), 1, 1, mask.size(1)});
}

void fill_norm(nn::RmsNorm& norm, double value) {
  const torch::NoGradGuard no_grad;
  for (auto& weight : norm.parameters()) weight.fill_(value);
}

}  // namespace arzoo::forecast
