#include "forecast/models/patchtst_encoder.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/attention.h"
#include "kernels/dropout.h"
#include "kernels/hidden_layer.h"

namespace arzoo::forecast {

TokenBatchNorm::TokenBatchNorm(int64_t d_model) {
  norm_ = register_module("1", torch::nn::BatchNorm1d(torch::nn::BatchNorm1dOptions(d_model)));
}

at::Tensor TokenBatchNorm::forward(const at::Tensor& x, const at::Tensor& y, double dropout) {
  const auto sum = kernels::residual_dropout(x, y, dropout, is_training());
  if (is_training() || at::GradMode::is_enabled()) return norm_(sum.flatten(0, 1)).view(sum.sizes());
  // With fixed statistics the norm is a scale and a shift.
  const auto scale =
      norm_->weight.to(at::kFloat) * (norm_->running_var.to(at::kFloat) + norm_->options.eps()).rsqrt();
  const auto shift = norm_->bias - norm_->running_mean * scale;
  return at::addcmul(shift.to(sum.scalar_type()), sum, scale.to(sum.scalar_type()));
}

ResidualAttention::ResidualAttention(const PatchTstOptions& options)
    : n_heads_(options.n_heads), dropout_(options.dropout) {
  const int64_t width = options.d_model / options.n_heads * options.n_heads;
  const auto linear = [&](const char* name) {
    return register_module(name, torch::nn::Linear(options.d_model, width));
  };
  query_ = linear("W_Q");
  key_ = linear("W_K");
  value_ = linear("W_V");
  // Official checkpoints hold the constant by which scores are multiplied.
  const auto attention = register_module("sdp_attn", std::make_shared<torch::nn::Module>());
  attention->register_buffer(
      "scale", at::scalar_tensor(1.0 / std::sqrt(static_cast<double>(width / options.n_heads)), at::kFloat));
  const auto out = register_module("to_out", std::make_shared<torch::nn::Module>());
  out_ = out->register_module("0", torch::nn::Linear(width, options.d_model));
}

at::Tensor ResidualAttention::forward(const at::Tensor& x, at::Tensor& scores, bool keep) {
  const auto heads = [&](const torch::nn::Linear& layer) {
    return kernels::linear(x, layer->weight, layer->bias).unflatten(-1, {n_heads_, -1}).transpose(1, 2);
  };
  const auto queries = heads(query_), keys = heads(key_), values = heads(value_);  // [B, H, P, E]
  at::Tensor mixed;
  if (keep) {
    const double scale = 1.0 / std::sqrt(static_cast<double>(queries.size(-1)));
    const auto own = at::matmul(queries * scale, keys.transpose(-2, -1));
    scores = scores.defined() ? own + scores : own;
    mixed = at::matmul(scores.softmax(-1), values);
  } else {
    mixed = kernels::attention(queries, keys, values, {.bias = scores});
  }
  const auto out = kernels::linear(mixed.transpose(1, 2).flatten(2), out_->weight, out_->bias);
  return kernels::dropout(out, dropout_, is_training());
}

PatchTstLayer::PatchTstLayer(const PatchTstOptions& options) : dropout_(options.dropout) {
  self_attn_ = register_module("self_attn", std::make_shared<ResidualAttention>(options));
  norm_attn_ = register_module("norm_attn", std::make_shared<TokenBatchNorm>(options.d_model));
  const auto feed_forward = register_module("ff", std::make_shared<torch::nn::Module>());
  linear1_ = feed_forward->register_module("0", torch::nn::Linear(options.d_model, options.d_ff));
  linear2_ = feed_forward->register_module("3", torch::nn::Linear(options.d_ff, options.d_model));
  norm_ffn_ = register_module("norm_ffn", std::make_shared<TokenBatchNorm>(options.d_model));
}

at::Tensor PatchTstLayer::forward(const at::Tensor& x, at::Tensor& scores, bool keep) {
  const auto y = norm_attn_->forward(x, self_attn_->forward(x, scores, keep), dropout_);
  const auto inner = kernels::hidden_layer(y, linear1_->weight, linear1_->bias, kernels::Activation::gelu,
                                           dropout_, is_training());
  return norm_ffn_->forward(y, kernels::linear(inner, linear2_->weight, linear2_->bias), dropout_);
}

}  // namespace arzoo::forecast
