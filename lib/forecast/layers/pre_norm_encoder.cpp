#include "forecast/layers/pre_norm_encoder.h"

#include <torch/torch.h>

#include "runtime/recompute.h"

namespace arzoo::forecast {

PreNormLayer::PreNormLayer(const PreNormOptions& options)
    : block_({.heads = options.n_heads,
              .feed_forward = options.activation,
              .attention_dropout = options.dropout,
              .dropout = options.dropout}) {
  const int64_t width = options.d_model;
  const auto attention = register_module("self_attn", std::make_shared<torch::nn::Module>());
  weights_.qkv.weight = attention->register_parameter("in_proj_weight", at::empty({3 * width, width}));
  weights_.qkv.bias = attention->register_parameter("in_proj_bias", at::zeros({3 * width}));
  weights_.projection =
      nn::Affine::of(attention->register_module("out_proj", torch::nn::Linear(width, width)));
  torch::nn::init::xavier_uniform_(weights_.qkv.weight);
  torch::nn::init::zeros_(weights_.projection.bias);
  weights_.up = nn::Affine::of(register_module("linear1", torch::nn::Linear(width, options.d_ff)));
  weights_.down = nn::Affine::of(register_module("linear2", torch::nn::Linear(options.d_ff, width)));
  const auto norm = [&](const char* name) {
    return nn::Affine::of(register_module(name, torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}))));
  };
  weights_.norm_1 = norm("norm1");
  weights_.norm_2 = norm("norm2");
}

at::Tensor PreNormLayer::forward(const at::Tensor& x) {
  return block_.forward(x, weights_, {.training = is_training()});
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
  for (const auto& layer : layers_)
    x = runtime::recomputed(x, [layer](const at::Tensor& tokens) { return layer->forward(tokens); });
  return x;
}

}  // namespace arzoo::forecast
