#include "forecast/time_moe_layers.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/linear.h"

namespace arzoo::forecast {
namespace {

/// [B, T, heads * E] as [B, heads, T, E].
at::Tensor as_heads(const at::Tensor& x, int64_t heads) {
  return x.view({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

/// Each of G heads `times` times, side by side.
at::Tensor repeated_heads(const at::Tensor& x, int64_t times) {
  if (times == 1) return x;
  return x.unsqueeze(2).expand({-1, -1, times, -1, -1}).flatten(1, 2);
}

/// The attention's probabilities, rounded where the official code rounds them: in bf16 the kernel, which does
/// not write them down, is the more exact one.
at::Tensor probabilities(const at::Tensor& q, const at::Tensor& k, const at::Tensor& bias) {
  const auto scores = at::matmul(q, k.transpose(-2, -1)) / std::sqrt(static_cast<double>(q.size(-1)));
  return at::softmax(scores + bias, -1, at::kFloat).to(q.scalar_type());
}

void record(runtime::Trace* trace, const std::string& name, const at::Tensor& value) {
  if (trace != nullptr) trace->emplace_back(name, value);
}

}  // namespace

PointEmbedding::PointEmbedding(const TimeMoeOptions& options) {
  const auto map = [&](const char* name) {
    return register_module(
        name,
        torch::nn::Linear(torch::nn::LinearOptions(options.input_size, options.hidden_size).bias(false)));
  };
  emb_layer_ = map("emb_layer");
  gate_layer_ = map("gate_layer");
}

at::Tensor PointEmbedding::forward(const at::Tensor& x) {
  return nn::silu_gated(kernels::linear(x, gate_layer_->weight, {}),
                        kernels::linear(x, emb_layer_->weight, {}));
}

RotaryAttention::RotaryAttention(const TimeMoeOptions& options) : options_(options) {
  const int64_t width = options.hidden_size, shared = options.key_value_heads() * options.head_dim();
  q_proj_ = register_module("q_proj", torch::nn::Linear(width, width));
  k_proj_ = register_module("k_proj", torch::nn::Linear(width, shared));
  v_proj_ = register_module("v_proj", torch::nn::Linear(width, shared));
  o_proj_ = register_module("o_proj", torch::nn::Linear(torch::nn::LinearOptions(width, width).bias(false)));
}

/// [B, H, T, E]; the probabilities only when the pass is traced.
at::Tensor RotaryAttention::attended(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                     const DecoderPass& pass, const std::string& name) const {
  if (pass.trace != nullptr) {
    const auto shares = probabilities(q, k, pass.mode.bias);
    record(pass.trace, name + ".attn_probs", shares);
    return at::matmul(shares, v);
  }
  auto mode = pass.mode;
  mode.dropout = options_.attention_dropout;
  mode.training = is_training();
  return kernels::attention(q, k, v, mode);
}

at::Tensor RotaryAttention::forward(const at::Tensor& x, const DecoderPass& pass, nn::KvCache* cache,
                                    const std::string& name) {
  const auto projected = [&](const torch::nn::Linear& map, int64_t heads) {
    return as_heads(kernels::linear(x, map->weight, map->bias), heads);
  };
  const auto q = kernels::apply_rope(projected(q_proj_, options_.num_attention_heads), pass.angles);
  auto k = kernels::apply_rope(projected(k_proj_, options_.key_value_heads()), pass.angles);
  auto v = projected(v_proj_, options_.key_value_heads());
  if (cache != nullptr) std::tie(k, v) = cache->append(k, v);
  record(pass.trace, name + ".cache_k", k);
  record(pass.trace, name + ".cache_v", v);
  const int64_t group = options_.num_attention_heads / options_.key_value_heads();
  k = repeated_heads(k, group);
  v = repeated_heads(v, group);
  const auto mixed = attended(q, k, v, pass, name).transpose(1, 2).flatten(2);
  return kernels::linear(mixed, o_proj_->weight, {});
}

TimeMoeLayer::TimeMoeLayer(const TimeMoeOptions& options) {
  self_attn_ = register_module("self_attn", std::make_shared<RotaryAttention>(options));
  if (options.use_dense) {
    dense_ = register_module(
        "ffn_layer", std::make_shared<nn::GatedFeedForward>(options.hidden_size, options.intermediate_size));
  } else {
    const nn::SparseExpertsOptions sizes{options.hidden_size, options.expert_width(),
                                         options.intermediate_size, options.num_experts,
                                         options.num_experts_per_tok};
    experts_ = register_module("ffn_layer", std::make_shared<nn::SparseExperts>(sizes));
  }
  const auto norm = [&](const char* name) {
    return register_module(name, std::make_shared<nn::RmsNorm>(options.hidden_size, options.rms_norm_eps));
  };
  input_layernorm_ = norm("input_layernorm");
  post_attention_layernorm_ = norm("post_attention_layernorm");
}

at::Tensor TimeMoeLayer::feed_forward(const at::Tensor& x, runtime::Trace* trace, const std::string& name,
                                      at::Tensor& router_logits) {
  if (experts_ == nullptr) return dense_->forward(x);
  nn::Routing routing;
  const auto mixed = experts_->forward(x.flatten(0, 1), &routing).view(x.sizes());
  router_logits = routing.logits;
  record(trace, name + ".router_logits", routing.logits);
  record(trace, name + ".topk_idx", routing.experts);
  record(trace, name + ".topk_weight", routing.weights);
  return mixed;
}

at::Tensor TimeMoeLayer::forward(const at::Tensor& x, const DecoderPass& pass, nn::KvCache* cache,
                                 const std::string& name, at::Tensor& router_logits) {
  const auto normed = input_layernorm_->forward(x);
  const auto attended = self_attn_->forward(normed, pass, cache, name);
  const auto middle = x + attended;
  const auto fed = feed_forward(post_attention_layernorm_->forward(middle), pass.trace, name, router_logits);
  const auto out = middle + fed;
  record(pass.trace, name + ".input_layernorm_out", normed);
  record(pass.trace, name + ".attn_out", attended);
  record(pass.trace, name + ".ffn_out", fed);
  record(pass.trace, name + ".out", out);
  return out;
}

}  // namespace arzoo::forecast
