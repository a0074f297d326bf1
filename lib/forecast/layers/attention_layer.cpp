#include "forecast/layers/attention_layer.h"

#include <torch/torch.h>

#include "kernels/attention.h"
#include "kernels/linear.h"
#include "nn/packed_linear.h"

namespace arzoo::forecast {

at::Tensor Mixing::weights(const at::Tensor&, const at::Tensor&) { return {}; }

at::Tensor FullAttention::forward(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                                  const Pass&) {
  return kernels::attention(queries.transpose(1, 2), keys.transpose(1, 2), values.transpose(1, 2),
                            {.causal = causal_, .dropout = dropout_, .training = is_training()})
      .transpose(1, 2);
}

at::Tensor FullAttention::weights(const at::Tensor& queries, const at::Tensor& keys) {
  return kernels::attention_weights(queries.transpose(1, 2), keys.transpose(1, 2), {.causal = causal_});
}

AttentionLayer::AttentionLayer(std::shared_ptr<Mixing> mixing, int64_t d_model, int64_t n_heads,
                               kernels::HeadOrder order)
    : n_heads_(n_heads), order_(order) {
  const int64_t width = d_model / n_heads * n_heads;
  // The official modules are created in this order, which a seeded initialisation depends on.
  mixing_ = register_module("inner", std::move(mixing));
  query_projection_ = register_module("query_projection", torch::nn::Linear(d_model, width));
  key_projection_ = register_module("key_projection", torch::nn::Linear(d_model, width));
  value_projection_ = register_module("value_projection", torch::nn::Linear(d_model, width));
  out_projection_ = register_module("out_projection", torch::nn::Linear(width, d_model));
  pack();
}

void AttentionLayer::pack() { nn::pack({query_projection_, key_projection_, value_projection_}); }

void AttentionLayer::to(torch::Device device, torch::Dtype dtype, bool non_blocking) {
  Module::to(device, dtype, non_blocking);
  pack();
}

void AttentionLayer::to(torch::Dtype dtype, bool non_blocking) {
  Module::to(dtype, non_blocking);
  pack();
}

void AttentionLayer::to(torch::Device device, bool non_blocking) {
  Module::to(device, non_blocking);
  pack();
}

at::Tensor AttentionLayer::heads(const at::Tensor& x) const {
  return x.unflatten(-1, {n_heads_, x.size(-1) / n_heads_});
}

at::Tensor AttentionLayer::rows(const at::Tensor& mixed) const {
  if (order_ == kernels::HeadOrder::usual) return mixed.flatten(2);
  return mixed.transpose(1, 2).reshape({mixed.size(0), mixed.size(1), mixed.size(2) * mixed.size(3)});
}

at::Tensor AttentionLayer::mix(const at::Tensor& x, const Pass& pass, at::Tensor* weights) {
  const auto parts =
      nn::packed_linear(x, {query_projection_, key_projection_, value_projection_}).chunk(3, -1);
  const auto queries = heads(parts[0]), keys = heads(parts[1]), values = heads(parts[2]);
  if (weights != nullptr) *weights = mixing_->weights(queries, keys);
  return rows(mixing_->forward(queries, keys, values, pass));
}

at::Tensor AttentionLayer::mix_with(const at::Tensor& x, const at::Tensor& memory, const Pass& pass) {
  const auto queries = kernels::linear(x, query_projection_->weight, query_projection_->bias);
  const auto parts = nn::packed_linear(memory, {key_projection_, value_projection_}).chunk(2, -1);
  return rows(mixing_->forward(heads(queries), heads(parts[0]), heads(parts[1]), pass));
}

}  // namespace arzoo::forecast
