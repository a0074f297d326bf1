#include "forecast/layers/informer_decoder.h"

#include <torch/torch.h>

#include "kernels/hidden_layer.h"
#include "kernels/residual_norm.h"

namespace arzoo::forecast {
namespace {

at::Tensor last_steps(const at::Tensor& x, int64_t wanted) {
  return x.size(1) == wanted ? x : x.narrow(1, x.size(1) - wanted, wanted);
}

}  // namespace

InformerDecoderLayer::InformerDecoderLayer(std::shared_ptr<AttentionLayer> self_attention,
                                           std::shared_ptr<AttentionLayer> cross_attention,
                                           const EncoderLayerOptions& options)
    : dropout_(options.dropout), activation_(kernels::activation(options.activation)) {
  const int64_t width = options.d_model;
  const auto norm = [width] { return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})); };
  self_attention_ = register_module("self_attention", std::move(self_attention));
  cross_attention_ = register_module("cross_attention", std::move(cross_attention));
  conv1_ = register_module("conv1", torch::nn::Conv1d(torch::nn::Conv1dOptions(width, options.d_ff, 1)));
  conv2_ = register_module("conv2", torch::nn::Conv1d(torch::nn::Conv1dOptions(options.d_ff, width, 1)));
  norm1_ = register_module("norm1", norm());
  norm2_ = register_module("norm2", norm());
  norm3_ = register_module("norm3", norm());
}

at::Tensor InformerDecoderLayer::forward(const at::Tensor& x, const at::Tensor& memory, int64_t wanted,
                                         bool cross_by_row, const std::string& name, const Pass& pass) {
  const auto residual = [&](const at::Tensor& before, const at::Tensor& mixed, const AttentionLayer& layer,
                            torch::nn::LayerNorm& norm, const char* which) {
    const auto& out = layer.out_projection();
    if (pass.trace != nullptr)
      pass.trace->emplace_back("mid." + name + which, at::linear(mixed, out->weight, out->bias));
    return kernels::residual_norm(before, mixed, out->weight, out->bias, dropout_, norm);
  };
  auto step = residual(x, self_attention_->mix(x, pass), *self_attention_, norm1_, ".self_attention");
  if (cross_by_row) step = last_steps(step, wanted);
  step = residual(step, cross_attention_->mix_with(step, memory, pass), *cross_attention_, norm2_,
                  ".cross_attention");
  step = last_steps(step, wanted);
  const auto y = kernels::hidden_layer(step, conv1_->weight.squeeze(-1), conv1_->bias, activation_, dropout_,
                                       is_training());
  const auto out =
      kernels::residual_norm(step, y, conv2_->weight.squeeze(-1), conv2_->bias, dropout_, norm3_);
  pass.record(name, out);
  return out;
}

}  // namespace arzoo::forecast
