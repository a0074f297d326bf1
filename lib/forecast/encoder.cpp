#include "forecast/encoder.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include "nn/dropout.h"
#include "nn/residual_norm.h"

namespace arzoo::forecast {
EncoderLayer::EncoderLayer(std::shared_ptr<Mixing> mixing, const EncoderLayerOptions& options)
    : dropout_(options.dropout), activation_(nn::activation(options.activation)) {
  attention_ = register_module(
      "attention", std::make_shared<AttentionLayer>(std::move(mixing), options.d_model, options.n_heads));
  conv1_ =
      register_module("conv1", torch::nn::Conv1d(torch::nn::Conv1dOptions(options.d_model, options.d_ff, 1)));
  conv2_ =
      register_module("conv2", torch::nn::Conv1d(torch::nn::Conv1dOptions(options.d_ff, options.d_model, 1)));
  norm1_ = register_module("norm1", torch::nn::LayerNorm(torch::nn::LayerNormOptions({options.d_model})));
  norm2_ = register_module("norm2", torch::nn::LayerNorm(torch::nn::LayerNormOptions({options.d_model})));
}

at::Tensor EncoderLayer::forward(const at::Tensor& input, const std::string& name, runtime::Trace* trace) {
  at::Tensor weights;
  const auto mixed = attention_->mix(input, trace != nullptr ? &weights : nullptr);
  const auto& out_projection = attention_->out_projection();
  if (trace != nullptr) {
    trace->emplace_back("mid." + name + ".attention",
                        at::linear(mixed, out_projection->weight, out_projection->bias));
    trace->emplace_back("attn." + name.substr(name.rfind('.') + 1), weights);
  }
  const auto x =
      nn::residual_norm(input, mixed, out_projection->weight, out_projection->bias, dropout_, norm1_);
  // A convolution of width one over time is a linear map of each step: no transposition is needed.
  const auto inner = nn::linear(x, conv1_->weight.squeeze(-1), conv1_->bias, activation_);
  const auto y = nn::dropout(inner, dropout_, is_training());
  const auto out = nn::residual_norm(x, y, conv2_->weight.squeeze(-1), conv2_->bias, dropout_, norm2_);
  if (trace != nullptr) trace->emplace_back("mid." + name, out);
  return out;
}

Encoder::Encoder(const std::vector<std::shared_ptr<EncoderLayer>>& layers, int64_t d_model)
    : layers_(layers) {
  auto list = register_module("attn_layers", torch::nn::ModuleList());
  for (const auto& layer : layers_) list->push_back(layer);
  norm_ = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({d_model})));
}

at::Tensor Encoder::forward(at::Tensor x, runtime::Trace* trace) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    x = layers_[i]->forward(x, trace != nullptr ? fmt::format("encoder.attn_layers.{}", i) : "", trace);
  }
  x = norm_(x);
  if (trace != nullptr) trace->emplace_back("mid.encoder", x);
  return x;
}

}  // namespace arzoo::forecast
