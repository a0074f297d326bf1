#include "forecast/layers/encoder.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include "kernels/hidden_layer.h"
#include "kernels/residual_norm.h"
#include "runtime/recompute.h"

namespace arzoo::forecast {

EncoderLayer::EncoderLayer(std::shared_ptr<Mixing> mixing, const EncoderLayerOptions& options,
                           kernels::HeadOrder order)
    : dropout_(options.dropout), activation_(kernels::activation(options.activation)) {
  attention_ = register_module("attention", std::make_shared<AttentionLayer>(
                                                std::move(mixing), options.d_model, options.n_heads, order));
  conv1_ =
      register_module("conv1", torch::nn::Conv1d(torch::nn::Conv1dOptions(options.d_model, options.d_ff, 1)));
  conv2_ =
      register_module("conv2", torch::nn::Conv1d(torch::nn::Conv1dOptions(options.d_ff, options.d_model, 1)));
  norm1_ = register_module("norm1", torch::nn::LayerNorm(torch::nn::LayerNormOptions({options.d_model})));
  norm2_ = register_module("norm2", torch::nn::LayerNorm(torch::nn::LayerNormOptions({options.d_model})));
}

at::Tensor EncoderLayer::forward(const at::Tensor& input, const std::string& name, const Pass& pass) {
  auto* const trace = pass.trace;
  at::Tensor weights;
  const auto mixed = attention_->mix(input, pass, trace != nullptr ? &weights : nullptr);
  const auto& out_projection = attention_->out_projection();
  if (trace != nullptr) {
    trace->emplace_back("mid." + name + ".attention",
                        at::linear(mixed, out_projection->weight, out_projection->bias));
    if (weights.defined()) trace->emplace_back("attn." + name.substr(name.rfind('.') + 1), weights);
  }
  const auto x =
      kernels::residual_norm(input, mixed, out_projection->weight, out_projection->bias, dropout_, norm1_);
  // A convolution of width one over time is a linear map of each step: no transposition is needed.
  const auto y = kernels::hidden_layer(x, conv1_->weight.squeeze(-1), conv1_->bias, activation_, dropout_,
                                       is_training());
  const auto out = kernels::residual_norm(x, y, conv2_->weight.squeeze(-1), conv2_->bias, dropout_, norm2_);
  pass.record(name, out);
  return out;
}

Encoder::Encoder(const std::vector<std::shared_ptr<EncoderLayer>>& layers, int64_t d_model,
                 const std::vector<std::shared_ptr<DistillingLayer>>& distilling)
    : layers_(layers), distilling_(distilling) {
  auto list = register_module("attn_layers", torch::nn::ModuleList());
  for (const auto& layer : layers_) list->push_back(layer);
  if (!distilling_.empty()) {
    auto between = register_module("conv_layers", torch::nn::ModuleList());
    for (const auto& layer : distilling_) between->push_back(layer);
  }
  norm_ = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({d_model})));
}

at::Tensor Encoder::forward(at::Tensor x, const Pass& pass, const std::string& name) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const auto run = [layer = layers_[i], pass, own = fmt::format("{}.attn_layers.{}", name, i)](
                         const at::Tensor& tokens) { return layer->forward(tokens, own, pass); };
    x = pass.is_plain() ? runtime::recomputed(x, run) : run(x);
    if (i >= distilling_.size()) continue;
    x = distilling_[i]->forward(x);
    pass.record(fmt::format("{}.conv_layers.{}", name, i), x);
  }
  x = norm_(x);
  pass.record(name, x);
  return x;
}

}  // namespace arzoo::forecast
