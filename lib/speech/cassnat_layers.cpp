#include "speech/cassnat_layers.h"

#include <torch/torch.h>

#include "kernels/dropout.h"
#include "nn/embedding_table.h"

namespace arzoo::speech {

DeviationNorm::DeviationNorm(int64_t width)
    : a_(register_parameter("a_2", at::ones({width}))), b_(register_parameter("b_2", at::zeros({width}))) {}

at::Tensor DeviationNorm::forward(const at::Tensor& x) const {
  constexpr double kEpsilon = 1e-6;
  return a_ * (x - x.mean(-1, true)) / (x.std(-1, /*unbiased=*/true, /*keepdim=*/true) + kEpsilon) + b_;
}

CassNatLayer::CassNatLayer(const Shape& s) : shape_(s) {
  const auto names = HeadAttention::Names::by_number;
  if (s.self && s.conv && s.relative) {
    relative_ = register_module(
        "self_attn", std::make_shared<RelativeAttention>(s.width, s.heads, s.attention_dropout, names));
  } else if (s.self) {
    self_ = register_module("self_attn",
                            std::make_shared<HeadAttention>(s.width, s.heads, s.attention_dropout, names));
  }
  if (s.source)
    source_ = register_module("src_attn",
                              std::make_shared<HeadAttention>(s.width, s.heads, s.attention_dropout, names));
  const FeedForward::Shape shape{s.width, s.hidden, s.conv ? "swish" : "relu", s.dropout};
  if (s.conv) {
    feed_forward_1_ = register_module("feed_forward1", std::make_shared<FeedForward>(shape));
    feed_forward_2_ =
        s.share_ff ? feed_forward_1_ : register_module("feed_forward2", std::make_shared<FeedForward>(shape));
    conv_ =
        register_module("conv_module", std::make_shared<ConvModule>(s.width, s.kernel, /*batch_norm=*/false));
  } else {
    feed_forward_1_ = register_module("feed_forward", std::make_shared<FeedForward>(shape));
  }
  auto& sublayer = add_folder(*this, "sublayer");
  const int parts = (s.self ? 1 : 0) + (s.source ? 1 : 0) + (s.conv ? 3 : 1);
  for (int i = 0; i < parts; ++i)
    norms_.push_back(add_folder(sublayer, std::to_string(i))
                         .register_module("norm", std::make_shared<DeviationNorm>(s.width)));
}

at::Tensor CassNatLayer::part(const at::Tensor& x, std::size_t norm, double scale,
                              const std::function<at::Tensor(const at::Tensor&)>& map) {
  const auto y = kernels::dropout(map(norms_.at(norm)->forward(x)), shape_.dropout, is_training());
  return scale == 1.0 ? x + y : x + scale * y;
}

at::Tensor CassNatLayer::attend(const at::Tensor& x, const LayerInputs& inputs) {
  return relative_ != nullptr ? relative_->forward(x, inputs.positions, inputs.self_mask)
                              : self_->forward(x, x, inputs.self_mask);
}

at::Tensor CassNatLayer::forward(at::Tensor x, const LayerInputs& inputs) {
  const auto attend = [&](const at::Tensor& y) { return this->attend(y, inputs); };
  const auto read = [&](const at::Tensor& y) {
    return source_->forward(y, inputs.memory, inputs.memory_mask);
  };
  const auto first = [&](const at::Tensor& y) { return feed_forward_1_->forward(y); };
  std::size_t next = 0;
  if (conv_ == nullptr) {
    if (shape_.self) x = part(x, next++, 1.0, attend);
    if (shape_.source) x = part(x, next++, 1.0, read);
    return part(x, next, 1.0, first);
  }
  const auto convolve = [&](const at::Tensor& y) { return conv_->forward(y); };
  x = part(x, 0, 0.5, first);
  if (shape_.relative) {
    x = part(x, 2, 1.0, attend);
    x = part(x, 1, 1.0, convolve);
  } else {
    x = part(x, 1, 1.0, convolve);
    x = part(x, 2, 1.0, attend);
  }
  next = 3;
  if (shape_.source) x = part(x, next++, 1.0, read);
  return part(x, next, 0.5, [&](const at::Tensor& y) { return feed_forward_2_->forward(y); });
}

DistanceCodes::DistanceCodes(int64_t most, int64_t width)
    : most_(most), table_(nn::register_table(*this, "embedding", 2 * most + 1, width)) {
  table_.set_requires_grad(false);
}

at::Tensor DistanceCodes::of(int64_t places) const {
  const auto distances = at::arange(1 - places, places, at::TensorOptions(at::kLong).device(table_.device()));
  return at::embedding(table_, distances.clamp(-most_, most_) + most_);
}

CassNatStack::CassNatStack(const CassNatLayer::Shape& shape, int64_t layers, bool norm) {
  auto& owner = add_folder(*this, "layers");
  for (int64_t i = 0; i < layers; ++i)
    layers_.push_back(owner.register_module(std::to_string(i), std::make_shared<CassNatLayer>(shape)));
  if (norm) norm_ = register_module("norm", std::make_shared<DeviationNorm>(shape.width));
}

at::Tensor CassNatStack::forward(at::Tensor x, const LayerInputs& inputs, int64_t behind, at::Tensor* inner) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    x = layers_[i]->forward(x, inputs);
    if (inner != nullptr && behind == static_cast<int64_t>(i) + 1) *inner = x;
  }
  return norm_ != nullptr ? norm_->forward(x) : x;
}

TokenHead::TokenHead(int64_t width, int64_t vocabulary, bool norm)
    : proj_(register_module("proj", std::make_shared<nn::LinearLayer>(width, vocabulary))) {
  if (norm) norm_ = register_module("norm", std::make_shared<DeviationNorm>(width));
}

at::Tensor TokenHead::forward(const at::Tensor& x) const {
  return at::log_softmax(proj_->forward(norm_ != nullptr ? norm_->forward(x) : x).to(at::kFloat), -1);
}

void initialise_cassnat(torch::nn::Module& module) {
  const torch::NoGradGuard no_grad;
  initialise_default(module);
  for (auto& parameter : module.named_parameters()) {
    auto value = parameter.value();
    if (value.dim() > 1) torch::nn::init::xavier_uniform_(value);
  }
}

}  // namespace arzoo::speech
