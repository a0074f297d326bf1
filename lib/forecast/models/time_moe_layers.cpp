#include "forecast/models/time_moe_layers.h"

#include <torch/torch.h>

#include "kernels/linear.h"
#include "kernels/silu_gated.h"

namespace arzoo::forecast {

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
  return kernels::silu_gated(kernels::linear(x, gate_layer_->weight, {}),
                             kernels::linear(x, emb_layer_->weight, {}));
}

TimeMoeLayer::TimeMoeLayer(const TimeMoeOptions& options) {
  const int64_t width = options.hidden_size, shared = options.key_value_heads() * options.head_dim();
  const auto attention = register_module("self_attn", std::make_shared<torch::nn::Module>());
  const auto map = [&](const char* name, int64_t out, bool bias) {
    return nn::Affine::of(
        attention->register_module(name, torch::nn::Linear(torch::nn::LinearOptions(width, out).bias(bias))));
  };
  weights_.query = map("q_proj", width, true);
  weights_.key = map("k_proj", shared, true);
  weights_.value = map("v_proj", shared, true);
  weights_.projection = map("o_proj", width, false);
  if (options.use_dense) {
    const auto dense = register_module(
        "ffn_layer", std::make_shared<nn::GatedFeedForward>(width, options.intermediate_size));
    weights_.gate = dense->gate();
    weights_.up = dense->up();
    weights_.down = dense->down();
  } else {
    const nn::SparseExpertsOptions sizes{width, options.expert_width(), options.intermediate_size,
                                         options.num_experts, options.num_experts_per_tok};
    weights_.experts = register_module("ffn_layer", std::make_shared<nn::SparseExperts>(sizes));
  }
  const auto norm = [&](const char* name) {
    return register_module(name, std::make_shared<nn::RmsNorm>(width, options.rms_norm_eps))->affine();
  };
  weights_.norm_1 = norm("input_layernorm");
  weights_.norm_2 = norm("post_attention_layernorm");
}

void record(runtime::Trace& trace, const std::string& name, const nn::BlockTrace& layer) {
  const auto add = [&](const char* part, const at::Tensor& value) { trace.emplace_back(name + part, value); };
  add(".input_layernorm_out", layer.normed);
  add(".cache_k", layer.keys);
  add(".cache_v", layer.values);
  add(".attn_probs", layer.attention);
  add(".attn_out", layer.attended);
  add(".ffn_out", layer.fed);
  if (!layer.routing.logits.defined()) return;
  add(".router_logits", layer.routing.logits);
  add(".topk_idx", layer.routing.experts);
  add(".topk_weight", layer.routing.weights);
}

}  // namespace arzoo::forecast
