#include "speech/speech_layers.h"

#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "kernels/attention.h"
#include "kernels/dropout.h"
#include "nn/split_heads.h"

namespace arzoo::speech {
namespace {

/// A convolution's weight and bias in a child `name` of `owner`, as torch.nn.Conv1d and Conv2d have them.
std::pair<at::Tensor, at::Tensor> add_convolution(torch::nn::Module& owner, const std::string& name,
                                                  at::IntArrayRef shape) {
  auto& child = add_folder(owner, name);
  return {child.register_parameter("weight", at::empty(shape)),
          child.register_parameter("bias", at::empty({shape[0]}))};
}

kernels::AttentionMode mode_of(double dropout, bool training, at::Tensor bias) {
  return {.dropout = dropout, .training = training, .bias = std::move(bias)};
}

/// [B, 1, 1 or N, T].
at::Tensor head_bias(const at::Tensor& mask, const at::Tensor& like) {
  return mask.defined() ? mask_bias(mask, like).unsqueeze(1) : at::Tensor();
}

/// Attention with all weights in memory. A query that may see nothing weighs all keys alike, which LibTorch's
/// fused backward pass, from the logarithm of such weights' sum, takes for weights of 1.
at::Tensor attend_in_full(const at::Tensor& q, const HeadAttention::Memory& memory, const at::Tensor& mask,
                          double dropout) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(-1)));
  const auto scores = at::matmul(q * scale, memory.k.transpose(-2, -1))
                          .masked_fill(mask.logical_not().unsqueeze(1), std::numeric_limits<float>::lowest());
  const auto weights = kernels::dropout(at::softmax(scores, -1), dropout, dropout > 0.0);
  return at::matmul(weights, memory.v);
}

}  // namespace

at::Tensor length_mask(const at::Tensor& lengths, int64_t places) {
  return at::arange(places, lengths.options()).unsqueeze(0) < lengths.unsqueeze(1);
}

at::Tensor mask_bias(const at::Tensor& mask, const at::Tensor& like) {
  // Half of the lowest number: sums with scores stay finite (kernels/attention.h).
  const double lowest = like.scalar_type() == at::kHalf ? -32752.0 : std::numeric_limits<float>::lowest() / 2;
  return at::zeros(mask.sizes(), like.options().requires_grad(false))
      .masked_fill_(mask.logical_not(), lowest);
}

torch::nn::LayerNorm layer_norm(int64_t width) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}).eps(1e-12));
}

at::Tensor activate(const at::Tensor& x, const std::string& name) {
  if (name == "relu") return at::relu(x);
  if (name == "gelu") return at::gelu(x);
  if (name == "tanh") return at::tanh(x);
  return at::silu(x);
}

FeedForward::FeedForward(const Shape& shape)
    : shape_(shape),
      w_1_(register_module("w_1", std::make_shared<nn::LinearLayer>(shape.width, shape.hidden))),
      w_2_(register_module("w_2",
                           std::make_shared<nn::LinearLayer>(shape.hidden, shape.width, !shape.inner_norm))) {
  if (shape.inner_norm) norm_ = register_module("norm", layer_norm(shape.hidden));
}

at::Tensor FeedForward::forward(const at::Tensor& x) {
  auto hidden = shape_.activation == "relu" ? w_1_->forward(x, kernels::Activation::relu)
                                            : activate(w_1_->forward(x), shape_.activation);
  hidden = kernels::dropout(hidden, shape_.dropout, is_training());
  return w_2_->forward(norm_ ? norm_->forward(hidden) : hidden);
}

HeadAttention::HeadAttention(int64_t width, int64_t heads, double dropout, Names names)
    : heads_(heads), dropout_(dropout) {
  auto& owner = names == Names::by_number ? add_folder(*this, "linears") : *this;
  const auto add = [&](const char* role, const char* number, int64_t out) {
    return owner.register_module(names == Names::by_number ? number : role,
                                 std::make_shared<nn::LinearLayer>(width, out));
  };
  q_ = add("linear_q", "0", width);
  if (names == Names::fused_keys) {
    kv_ = add("linear_k_v", "", 2 * width);
  } else {
    k_ = add("linear_k", "1", width);
    v_ = add("linear_v", "2", width);
  }
  out_ = add("linear_out", "3", width);
}

HeadAttention::Memory HeadAttention::read(const at::Tensor& memory) const {
  if (kv_ != nullptr) {
    const auto parts = nn::split_heads(kv_->forward(memory), heads_, 2);
    return {parts[0], parts[1]};
  }
  return {nn::split_heads(k_->forward(memory), heads_), nn::split_heads(v_->forward(memory), heads_)};
}

at::Tensor HeadAttention::attend(const at::Tensor& x, const Memory& memory, const at::Tensor& mask) const {
  const auto q = nn::split_heads(q_->forward(x), heads_);
  if (at::GradMode::is_enabled() && mask.defined() && mask.size(1) > 1)
    return out_->forward(nn::merge_heads(attend_in_full(q, memory, mask, is_training() ? dropout_ : 0.0)));
  const auto heads =
      kernels::attention(q, memory.k, memory.v, mode_of(dropout_, is_training(), head_bias(mask, q)));
  return out_->forward(nn::merge_heads(heads));
}

at::Tensor HeadAttention::forward(const at::Tensor& x, const at::Tensor& memory, const at::Tensor& mask) {
  return attend(x, read(memory), mask);
}

RelativeAttention::RelativeAttention(int64_t width, int64_t heads, double dropout, Names names)
    : HeadAttention(width, heads, dropout, names),
      position_(register_module("linear_pos", std::make_shared<nn::LinearLayer>(width, width, false))),
      u_(register_parameter("pos_bias_u", at::empty({heads, width / heads}))),
      v_bias_(register_parameter("pos_bias_v", at::empty({heads, width / heads}))) {}

at::Tensor RelativeAttention::forward(const at::Tensor& x, const at::Tensor& positions,
                                      const at::Tensor& mask) {
  const auto q = nn::split_heads(q_->forward(x), heads_);  // [B, H, T, E]
  const auto memory = read(x);
  const auto p = nn::split_heads(position_->forward(positions.unsqueeze(0)), heads_);  // [1, H, P, E]
  const auto places = at::matmul(q + v_bias_.unsqueeze(1), p.transpose(2, 3));
  auto bias = shift_relative(places) / std::sqrt(static_cast<double>(q.size(3)));
  if (mask.defined()) bias = bias + head_bias(mask, bias);
  const auto heads =
      kernels::attention(q + u_.unsqueeze(1), memory.k, memory.v, mode_of(dropout_, is_training(), bias));
  return out_->forward(nn::merge_heads(heads));
}

at::Tensor shift_relative(const at::Tensor& x) {
  const int64_t batch = x.size(0), heads = x.size(1), queries = x.size(2), places = x.size(3);
  const auto padded = at::cat({at::zeros({batch, heads, queries, 1}, x.options()), x}, 3);
  return padded.view({batch, heads, places + 1, queries})
      .narrow(2, 1, places)
      .reshape({batch, heads, queries, places})
      .narrow(3, 0, queries);
}

ConvSubsampling::ConvSubsampling(int64_t input_size, int64_t width, int64_t padding,
                                 const std::string& out_name)
    : padding_(padding) {
  auto& conv = add_folder(*this, "conv");
  std::tie(weights_[0], biases_[0]) = add_convolution(conv, "0", {width, 1, 3, 3});
  std::tie(weights_[1], biases_[1]) = add_convolution(conv, "2", {width, width, 3, 3});
  const auto out = std::make_shared<nn::LinearLayer>(width * frames(input_size), width);
  if (out_name == "out.0") {
    out_ = add_folder(*this, "out").register_module("0", out);
  } else {
    out_ = register_module(out_name, out);
  }
}

int64_t ConvSubsampling::frames(int64_t frames) const {
  for (int i = 0; i < 2; ++i) frames = (frames + 2 * padding_ - 3) / 2 + 1;
  return frames;
}

at::Tensor ConvSubsampling::forward(const at::Tensor& x) {
  auto pictures = x.unsqueeze(1);
  for (int i = 0; i < 2; ++i)
    pictures = at::relu(at::conv2d(pictures, weights_[i], biases_[i], 2, padding_));  // [B, D, T', F']
  return out_->forward(pictures.transpose(1, 2).flatten(2));
}

ConvModule::ConvModule(int64_t width, int64_t kernel, bool batch_norm, std::string activation)
    : kernel_(kernel), activation_(std::move(activation)) {
  std::tie(w1_, b1_) = add_convolution(*this, "pointwise_conv1", {2 * width, width, 1});
  std::tie(wd_, bd_) = add_convolution(*this, "depthwise_conv", {width, 1, kernel});
  if (batch_norm) {
    batch_norm_ = register_module("norm", torch::nn::BatchNorm1d(width));
  } else {
    auto& norm = add_folder(*this, "norm");
    norm_weight_ = norm.register_parameter("weight", at::ones({width}));
    norm_bias_ = norm.register_parameter("bias", at::zeros({width}));
  }
  std::tie(w2_, b2_) = add_convolution(*this, "pointwise_conv2", {width, width, 1});
}

at::Tensor ConvModule::forward(const at::Tensor& x) {
  auto y = at::glu(at::conv1d(x.transpose(1, 2), w1_, b1_), 1);  // [B, D, T]
  y = at::conv1d(y, wd_, bd_, 1, (kernel_ - 1) / 2, 1, y.size(1));
  y = batch_norm_ ? batch_norm_->forward(y) : at::group_norm(y, 1, norm_weight_, norm_bias_);
  return at::conv1d(activate(y, activation_), w2_, b2_).transpose(1, 2);
}

torch::nn::Module& add_folder(torch::nn::Module& owner, const std::string& name) {
  return *owner.register_module(name, std::make_shared<torch::nn::Module>());
}

void initialise_default(torch::nn::Module& module) {
  const torch::NoGradGuard no_grad;
  for (auto& child : module.modules(/*include_self=*/false)) {
    const auto own = child->named_parameters(/*recurse=*/false);
    const auto* weight = own.find("weight");
    if (weight == nullptr || weight->dim() < 2) continue;
    auto values = *weight;
    const double bound = 1.0 / std::sqrt(static_cast<double>(values.numel() / values.size(0)));
    values.uniform_(-bound, bound);
    if (const auto* bias = own.find("bias"); bias != nullptr) {
      auto offsets = *bias;
      offsets.uniform_(-bound, bound);
    }
  }
}

}  // namespace arzoo::speech
