#include "forecast/models/timesfm_layers.h"

#include <torch/torch.h>

#include <cmath>

#include "nn/rms_norm.h"

namespace arzoo::forecast {
namespace {

constexpr double kNormEps = 1e-6;
constexpr double kLog2E = 1.442695041;  // as the official code writes it
constexpr double kInitialDeviation = 0.02;

}  // namespace

TimesFmNorm::TimesFmNorm(int64_t width) { scale_ = register_parameter("scale", torch::ones({width})); }

at::Tensor TimesFmNorm::forward(const at::Tensor& x) const { return kernels::rms_norm(x, scale_, kNormEps); }

PerDimScale::PerDimScale(int64_t head_dim) {
  per_dim_scale_ = register_parameter("per_dim_scale", torch::zeros({head_dim}));
}

at::Tensor PerDimScale::factors() const {
  return at::softplus(per_dim_scale_) * (kLog2E / std::sqrt(static_cast<double>(per_dim_scale_.size(0))));
}

TimesFmAttention::TimesFmAttention(const TimesFmOptions& options)
    : heads_(options.num_heads), head_dim_(options.head_dim()) {
  const int64_t width = options.model_dims;
  qkv_proj_ = register_module("qkv_proj", std::make_shared<nn::LinearLayer>(width, 3 * width, false));
  out_ = register_module("out", std::make_shared<nn::LinearLayer>(width, width, false));
  query_ln_ = register_module("query_ln", std::make_shared<TimesFmNorm>(head_dim_));
  key_ln_ = register_module("key_ln", std::make_shared<TimesFmNorm>(head_dim_));
  per_dim_scale_ = register_module("per_dim_scale", std::make_shared<PerDimScale>(head_dim_));
}

at::Tensor TimesFmAttention::forward(const at::Tensor& x, const TimesFmPass& pass, nn::KvCache* cache) const {
  const auto parts = qkv_proj_->forward(x).view({x.size(0), x.size(1), 3, heads_, head_dim_});
  const auto head = [&](int64_t part) { return parts.select(2, part).transpose(1, 2); };  // [B, H, T, E]
  const auto q = query_ln_->forward(kernels::apply_rope(head(0), pass.angles)) * per_dim_scale_->factors();
  auto k = key_ln_->forward(kernels::apply_rope(head(1), pass.angles));
  auto v = head(2);
  if (cache != nullptr) std::tie(k, v) = cache->append(k, v);
  auto mixed = kernels::attention(q, k, v, pass.mode);
  if (pass.padded.defined()) mixed = mixed.masked_fill(pass.padded, 0.0);
  return out_->forward(mixed.transpose(1, 2).flatten(2));
}

void TimesFmAttention::initialise() {
  qkv_proj_->initialise(kInitialDeviation);
  out_->initialise(kInitialDeviation);
}

TimesFmLayer::TimesFmLayer(const TimesFmOptions& options) {
  const int64_t width = options.model_dims;
  const auto norm = [&](const char* name) {
    return register_module(name, std::make_shared<TimesFmNorm>(width));
  };
  pre_attn_ln_ = norm("pre_attn_ln");
  post_attn_ln_ = norm("post_attn_ln");
  attn_ = register_module("attn", std::make_shared<TimesFmAttention>(options));
  pre_ff_ln_ = norm("pre_ff_ln");
  post_ff_ln_ = norm("post_ff_ln");
  ff0_ = register_module("ff0", std::make_shared<nn::LinearLayer>(width, options.hidden_dims, false));
  ff1_ = register_module("ff1", std::make_shared<nn::LinearLayer>(options.hidden_dims, width, false));
}

at::Tensor TimesFmLayer::forward(const at::Tensor& x, const TimesFmPass& pass, nn::KvCache* cache) const {
  const auto attended = x + post_attn_ln_->forward(attn_->forward(pre_attn_ln_->forward(x), pass, cache));
  const auto hidden = ff0_->forward(pre_ff_ln_->forward(attended), kernels::Activation::silu);
  return attended + post_ff_ln_->forward(ff1_->forward(hidden));
}

void TimesFmLayer::initialise() {
  attn_->initialise();
  ff0_->initialise(kInitialDeviation);
  ff1_->initialise(kInitialDeviation);
}

}  // namespace arzoo::forecast
