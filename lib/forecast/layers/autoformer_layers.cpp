#include "forecast/layers/autoformer_layers.h"

#include <torch/torch.h>

#include "forecast/layers/auto_correlation.h"
#include "forecast/layers/series_decomposition.h"
#include "kernels/circular_convolution.h"
#include "kernels/hidden_layer.h"

namespace arzoo::forecast {
namespace {

torch::nn::Conv1d pointwise(int64_t in, int64_t out) {
  return torch::nn::Conv1d(torch::nn::Conv1dOptions(in, out, 1).bias(false));
}

std::shared_ptr<AttentionLayer> correlation_layer(const AutoformerOptions& options, std::string name) {
  return std::make_shared<AttentionLayer>(std::make_shared<AutoCorrelation>(options.factor, std::move(name)),
                                          options.d_model, options.n_heads);
}

at::Tensor projected(const AttentionLayer& layer, const at::Tensor& mixed) {
  const auto& out = layer.out_projection();
  return kernels::linear(mixed, out->weight, out->bias);
}

}  // namespace

SeasonalNorm::SeasonalNorm(int64_t d_model) {
  layernorm_ = register_module("layernorm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({d_model})));
}

at::Tensor SeasonalNorm::forward(const at::Tensor& x) {
  const auto normalised = layernorm_(x);
  return normalised - normalised.mean(1, true);
}

SeasonalFeedForward::SeasonalFeedForward(torch::nn::Module& layer, const AutoformerOptions& options)
    : dropout_(options.dropout), activation_(kernels::activation(options.activation)) {
  conv1_ = layer.register_module("conv1", pointwise(options.d_model, options.d_ff));
  conv2_ = layer.register_module("conv2", pointwise(options.d_ff, options.d_model));
}

at::Tensor SeasonalFeedForward::forward(const at::Tensor& x, bool training) const {
  const auto inner =
      kernels::hidden_layer(x, conv1_->weight.squeeze(-1), {}, activation_, dropout_, training);
  return kernels::linear(inner, conv2_->weight.squeeze(-1), {});
}

SeasonalEncoderLayer::SeasonalEncoderLayer(const AutoformerOptions& options, std::string name)
    : options_(options), name_(std::move(name)) {
  attention_ = register_module("attention", correlation_layer(options, name_ + ".attention"));
  feed_forward_ = std::make_unique<SeasonalFeedForward>(*this, options);
}

at::Tensor SeasonalEncoderLayer::forward(const at::Tensor& x, const Pass& pass) {
  const auto next = [&](const at::Tensor& series, const at::Tensor& update) {
    return residual_seasonal(series, update, options_.moving_avg, options_.dropout, is_training());
  };
  const auto mixed = projected(*attention_, attention_->mix(x, pass));
  pass.record(name_ + ".attention", mixed);
  const auto seasonal = next(x, mixed);
  const auto out = next(seasonal, feed_forward_->forward(seasonal, is_training()));
  pass.record(name_, out);
  return out;
}

SeasonalDecoderLayer::SeasonalDecoderLayer(const AutoformerOptions& options, int64_t c_out, std::string name)
    : options_(options), name_(std::move(name)) {
  self_attention_ = register_module("self_attention", correlation_layer(options, name_ + ".self_attention"));
  cross_attention_ =
      register_module("cross_attention", correlation_layer(options, name_ + ".cross_attention"));
  feed_forward_ = std::make_unique<SeasonalFeedForward>(*this, options);
  projection_ = register_module(
      "projection", torch::nn::Conv1d(torch::nn::Conv1dOptions(options.d_model, c_out, 3).bias(false)));
}

at::Tensor SeasonalDecoderLayer::forward(const at::Tensor& x, const at::Tensor& memory, at::Tensor& trend,
                                         const Pass& pass) {
  const auto next = [&](const at::Tensor& series, const at::Tensor& update) {
    return residual_decompose(series, update, options_.moving_avg, options_.dropout, is_training());
  };
  const auto of_self = projected(*self_attention_, self_attention_->mix(x, pass));
  pass.record(name_ + ".self_attention", of_self);
  const auto first = next(x, of_self);
  const auto of_cross =
      projected(*cross_attention_, cross_attention_->mix_with(first.seasonal, memory, pass));
  pass.record(name_ + ".cross_attention", of_cross);
  const auto second = next(first.seasonal, of_cross);
  const auto third = next(second.seasonal, feed_forward_->forward(second.seasonal, is_training()));
  // Forecasts are sums of trends: in fp32, whatever the layers compute in.
  const auto growth =
      kernels::circular_convolution(first.trend + second.trend + third.trend, projection_->weight, {});
  pass.record(name_, third.seasonal);
  pass.record(name_ + ".1", growth);
  trend = trend + growth.to(at::kFloat);
  return third.seasonal;
}

}  // namespace arzoo::forecast
