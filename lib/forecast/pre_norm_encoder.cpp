#include "forecast/pre_norm_encoder.h"

#include <torch/torch.h>

#include "kernels/attention.h"
#include "kernels/dropout.h"
#include "kernels/hidden_layer.h"

namespace arzoo::forecast {

PackedSelfAttention::PackedSelfAttention(int64_t d_model, int64_t n_heads, double dropout)
    : n_heads_(n_heads), dropout_(dropout) {
  in_proj_weight_ = register_parameter("in_proj_weight", at::empty({3 * d_model, d_model}));
  in_proj_bias_ = register_parameter("in_proj_bias", at::zeros({3 * d_model}));
  out_proj_ = register_module("out_proj", torch::nn::Linear(d_model, d_model));
  torch::nn::init::xavier_uniform_(in_proj_weight_);
  torch::nn::init::zeros_(out_proj_->bias);
}

at::Tensor PackedSelfAttention::forward(const at::Tensor& x) {
  const auto parts = kernels::linear(x, in_proj_weight_, in_proj_bias_).chunk(3, -1);
  const auto heads = [&](const at::Tensor& part) {
    return part.unflatten(-1, {n_heads_, part.size(-1) / n_heads_}).transpose(1, 2);  // [B, H, L, E]
  };
  const auto mixed = kernels::attention(heads(parts[0]), heads(parts[1]), heads(parts[2]),
                                        {.dropout = dropout_, .training = is_training()});
  return kernels::linear(mixed.transpose(1, 2).flatten(2), out_proj_->weight, out_proj_->bias);
}

PreNormLayer::PreNormLayer(const PreNormOptions& options)
    : dropout_(options.dropout), activation_(options.activation) {
  const auto norm = [&] { return torch::nn::LayerNorm(torch::nn::LayerNormOptions({options.d_model})); };
  self_attn_ = register_module(
      "self_attn", std::make_shared<PackedSelfAttention>(options.d_model, options.n_heads, options.dropout));
  linear1_ = register_module("linear1", torch::nn::Linear(options.d_model, options.d_ff));
  linear2_ = register_module("linear2", torch::nn::Linear(options.d_ff, options.d_model));
  norm1_ = register_module("norm1", norm());
  norm2_ = register_module("norm2", norm());
}

at::Tensor PreNormLayer::forward(const at::Tensor& x) {
  const auto y = kernels::residual_dropout(x, self_attn_->forward(norm1_(x)), dropout_, is_training());
  const auto inner = kernels::hidden_layer(norm2_(y), linear1_->weight, linear1_->bias, activation_, dropout_,
                                           is_training());
  const auto out = kernels::linear(inner, linear2_->weight, linear2_->bias);
  return kernels::residual_dropout(y, out, dropout_, is_training());
}

PreNormEncoder::PreNormEncoder(int64_t layers, const PreNormOptions& options) {
  torch::NoGradGuard no_grad;
  auto list = register_module("layers", torch::nn::ModuleList());
  for (int64_t i = 0; i < layers; ++i) {
    layers_.push_back(std::make_shared<PreNormLayer>(options));
    list->push_back(layers_.back());
    const auto first = layers_.front()->parameters(), copy = layers_.back()->parameters();
    for (std::size_t p = 0; p < copy.size(); ++p) copy[p].set_data(first[p].detach().clone());
  }
}

at::Tensor PreNormEncoder::forward(at::Tensor x) {
  for (const auto& layer : layers_) x = layer->forward(x);
  return x;
}

}  // namespace arzoo::forecast
