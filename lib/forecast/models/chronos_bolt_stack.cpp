#include <torch/torch.h>

#include <cmath>

#include "forecast/models/chronos_bolt_model.h"
#include "forecast/random_inputs.h"
#include "kernels/dropout.h"

namespace arzoo::forecast {
namespace {

/// The bucket of each distance j - i in [-(tokens - 1), tokens - 1]: half of them for each direction, of
/// which half are exact and the others grow logarithmically.
std::vector<int64_t> buckets_of_distances(int64_t tokens, int64_t buckets, int64_t max_distance) {
  const int64_t half = buckets / 2, exact = half / 2;
  std::vector<int64_t> result;
  for (int64_t distance = 1 - tokens; distance < tokens; ++distance) {
    const int64_t first = distance > 0 ? half : 0, far = std::abs(distance);
    int64_t place = far;
    if (far >= exact) {
      // In fp32, as the official code takes the logarithm.
      const float share =
          std::log(static_cast<float>(far) / static_cast<float>(exact)) /
          static_cast<float>(std::log(static_cast<double>(max_distance) / static_cast<double>(exact)));
      place = std::min(half - 1, exact + static_cast<int64_t>(share * static_cast<float>(half - exact)));
    }
    result.push_back(first + place);
  }
  return result;
}

/// A module whose only purpose is the names of its parts: "layer.0", "layer.1", ….
class BoltBlock : public torch::nn::Module {
 public:
  explicit BoltBlock(const std::vector<std::shared_ptr<torch::nn::Module>>& layers) {
    auto list = register_module("layer", torch::nn::ModuleList());
    for (const auto& layer : layers) list->push_back(layer);
  }
};

}  // namespace

RelativeBias::RelativeBias(const ChronosBoltOptions& options)
    : buckets_(options.relative_attention_num_buckets),
      max_distance_(options.relative_attention_max_distance) {
  weight_ = register_parameter("weight", at::empty({buckets_, options.num_heads}));
}

at::Tensor RelativeBias::forward(int64_t tokens) const {
  const auto device = weight_.device();
  const auto buckets =
      at::tensor(buckets_of_distances(tokens, buckets_, max_distance_), at::kLong).to(device);
  const auto place = at::arange(tokens, at::TensorOptions(device).dtype(at::kLong));
  const auto distance = place.view({1, -1}) - place.view({-1, 1}) + (tokens - 1);
  return weight_.index_select(0, buckets.index_select(0, distance.flatten()))
      .view({tokens, tokens, -1})
      .permute({2, 0, 1})
      .unsqueeze(0);
}

void RelativeBias::initialise(double factor) {
  const torch::NoGradGuard no_grad;
  weight_.normal_(0.0, factor);
}

BoltStack::BoltStack(const ChronosBoltOptions& options, bool is_decoder) : dropout_(options.dropout_rate) {
  const auto sizes = t5_sizes(options);
  auto list = register_module("block", torch::nn::ModuleList());
  const int64_t layers = is_decoder ? options.num_decoder_layers : options.num_layers;
  for (int64_t i = 0; i < layers; ++i) {
    Block block{std::make_shared<T5AttentionLayer>(sizes, "SelfAttention"), nullptr,
                std::make_shared<T5FeedForwardLayer>(sizes, "DenseReluDense")};
    std::vector<std::shared_ptr<torch::nn::Module>> parts{block.self};
    if (is_decoder) {
      block.cross = std::make_shared<T5AttentionLayer>(sizes, "EncDecAttention");
      parts.push_back(block.cross);
    }
    parts.push_back(block.feed_forward);
    list->push_back(std::make_shared<BoltBlock>(parts));
    blocks_.push_back(std::move(block));
  }
  bias_ = blocks_.front().self->attention().register_module("relative_attention_bias",
                                                            std::make_shared<RelativeBias>(options));
  final_layer_norm_ = register_module(
      "final_layer_norm", std::make_shared<nn::RmsNorm>(options.d_model, options.layer_norm_epsilon));
}

at::Tensor BoltStack::dropped_out(const at::Tensor& x) const {
  return is_training() && dropout_ > 0.0 ? kernels::dropout(x, dropout_, true) : x;
}

at::Tensor BoltStack::encode(const at::Tensor& tokens, const at::Tensor& mask, runtime::Trace* trace) const {
  auto bias = bias_->forward(tokens.size(1)).to(tokens.scalar_type());
  if (mask.defined()) bias = bias + key_bias(mask, tokens.scalar_type());
  auto x = dropped_out(tokens);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const auto& [self, cross, feed_forward] = blocks_[i];
    const auto normed = self->norm(x);
    const auto& attention = self->attention();
    const auto mixed =
        attention.mix(attention.queries(normed), attention.keys(normed), attention.values(normed), bias);
    x = feed_forward->forward(self->add(x, attention.output(mixed)));
    Pass(trace).record(fmt::format("encoder.block.{}", i), x);
  }
  x = final_layer_norm_->forward(x);
  Pass(trace).record("encoder.final_layer_norm", x);
  return dropped_out(x);
}

at::Tensor BoltStack::decode(const at::Tensor& token, const at::Tensor& encoded, const at::Tensor& mask,
                             runtime::Trace* trace) const {
  const auto bias = key_bias(mask, encoded.scalar_type());
  auto x = dropped_out(token);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const auto& [self, cross, feed_forward] = blocks_[i];
    // The only token sees itself alone, whatever its query, key and bias.
    x = self->add(x, self->attention().own_values(self->norm(x)));
    const auto& attention = cross->attention();
    const auto mixed = attention.mix(attention.queries(cross->norm(x)), attention.keys(encoded),
                                     attention.values(encoded), bias);
    x = feed_forward->forward(cross->add(x, attention.output(mixed)));
    Pass(trace).record(fmt::format("decoder.block.{}", i), x);
  }
  x = final_layer_norm_->forward(x);
  Pass(trace).record("decoder.final_layer_norm", x);
  return dropped_out(x);
}

void BoltStack::initialise(double factor) {
  for (const auto& [self, cross, feed_forward] : blocks_) {
    self->initialise(factor);
    if (cross != nullptr) cross->initialise(factor);
    feed_forward->initialise(factor);
  }
  bias_->initialise(factor / std::sqrt(static_cast<double>(final_layer_norm_->parameters().front().size(0))));
  fill_norm(*final_layer_norm_, factor);
}

}  // namespace arzoo::forecast
