#include "nn/axial_attention.h"

#include <torch/torch.h>

#include <cmath>
#include <stdexcept>

#include "kernels/attention.h"
#include "nn/conv2d.h"
#include "nn/split_heads.h"

namespace arzoo::nn {
namespace {

constexpr double kLeakySlope = 0.01, kChannelNormEps = 1e-5, kLayerNormEps = 1e-5;
constexpr int64_t kHiddenFactor = 4;

int64_t head_width(int64_t dim, int64_t heads, int64_t dim_heads) {
  if (dim_heads == 0 && dim % heads != 0)
    throw std::invalid_argument(
        fmt::format("axial attention: a width of {}, expected a multiple of {} heads", dim, heads));
  return dim_heads == 0 ? dim / heads : dim_heads;
}

/// The place of the channels counted from the front.
int64_t from_front(int64_t dim_index, int64_t axes) {
  const int64_t all = axes + 2, place = dim_index > 0 ? dim_index : dim_index + all;
  if (place < 1 || place >= all)
    throw std::invalid_argument(fmt::format("axial attention: channels at axis {} of {}", dim_index, all));
  return place;
}

/// A module that holds another under one name.
std::shared_ptr<torch::nn::Module> holder_of(const char* name,
                                             const std::shared_ptr<torch::nn::Module>& held) {
  auto holder = std::make_shared<torch::nn::Module>();
  holder->register_module(name, held);
  return holder;
}

void initialise_linear(LinearLayer& map) {
  const torch::NoGradGuard no_grad;
  const double bound = 1.0 / std::sqrt(static_cast<double>(map.weight().size(1)));
  map.weight().uniform_(-bound, bound);
  if (map.bias().defined()) map.bias().uniform_(-bound, bound);
}

}  // namespace

AxialSelfAttention::AxialSelfAttention(int64_t dim, int64_t heads, int64_t dim_heads) : heads_(heads) {
  const int64_t hidden = heads * head_width(dim, heads, dim_heads);
  to_q_ = register_module("to_q", std::make_shared<LinearLayer>(dim, hidden, /*with_bias=*/false));
  to_kv_ = register_module("to_kv", std::make_shared<LinearLayer>(dim, 2 * hidden, /*with_bias=*/false));
  to_out_ = register_module("to_out", std::make_shared<LinearLayer>(hidden, dim));
}

at::Tensor AxialSelfAttention::forward(const at::Tensor& x) const {
  const auto q = split_heads(to_q_->forward(x), heads_);
  const auto keys_values = split_heads(to_kv_->forward(x), heads_, 2);
  return to_out_->forward(merge_heads(kernels::attention(q, keys_values[0], keys_values[1])));
}

void AxialSelfAttention::initialise() {
  for (const auto& map : {to_q_, to_kv_, to_out_}) initialise_linear(*map);
}

std::vector<int64_t> grid_axes(int64_t num_dimensions, int64_t channels) {
  std::vector<int64_t> axes;
  for (int64_t axis = 1; axis < num_dimensions + 2; ++axis) {
    if (axis != channels) axes.push_back(axis);
  }
  return axes;
}

at::Tensor along_axis(const at::Tensor& x, int64_t axis, int64_t channels,
                      const std::function<at::Tensor(const at::Tensor&)>& attend) {
  const auto lines = at::movedim(x, {axis, channels}, {-2, -1}).contiguous();
  const auto mixed = attend(lines.view({-1, lines.size(-2), lines.size(-1)})).view(lines.sizes());
  return at::movedim(mixed, {-2, -1}, {axis, channels});
}

AxialAttention::AxialAttention(const AxialAttentionOptions& options) : options_(options) {
  options_.dim_index = from_front(options.dim_index, options.num_dimensions);
  torch::nn::ModuleList list;
  for (int64_t i = 0; i < options.num_dimensions; ++i) {
    attentions_.push_back(
        std::make_shared<AxialSelfAttention>(options.dim, options.heads, options.dim_heads));
    list->push_back(holder_of("fn", attentions_.back()));
  }
  register_module("axial_attentions", list);
}

at::Tensor AxialAttention::forward(const at::Tensor& x) const {
  const auto axes = grid_axes(options_.num_dimensions, options_.dim_index);
  at::Tensor sum, chained = x;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto attend = [&](const at::Tensor& lines) { return attentions_[i]->forward(lines); };
    const auto mixed = along_axis(options_.sum_axial_out ? x : chained, axes[i], options_.dim_index, attend);
    sum = sum.defined() ? sum + mixed : mixed;
    chained = mixed;
  }
  return options_.sum_axial_out ? sum : chained;
}

void AxialAttention::initialise() {
  for (const auto& attention : attentions_) attention->initialise();
}

AxialPositionalEmbedding::AxialPositionalEmbedding(int64_t dim, const std::vector<int64_t>& shape,
                                                   int64_t dim_index) {
  const auto axes = static_cast<int64_t>(shape.size());
  const int64_t channels = from_front(dim_index, axes);
  const auto places = grid_axes(axes, channels);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    std::vector<int64_t> sizes(shape.size() + 2, 1);
    sizes[static_cast<std::size_t>(channels)] = dim;
    sizes[static_cast<std::size_t>(places[i])] = shape[i];
    tables_.push_back(register_parameter(fmt::format("param_{}", i), at::empty(sizes)));
  }
}

at::Tensor AxialPositionalEmbedding::forward(const at::Tensor& x) const {
  auto sum = x;
  for (const auto& table : tables_) sum = sum + table;
  return sum;
}

void AxialPositionalEmbedding::initialise() {
  const torch::NoGradGuard no_grad;
  for (auto& table : tables_) table.normal_();
}

/// PreNorm of a self-attention along one axis of [B, D, H, W].
class AxialImageTransformer::Attention : public torch::nn::Module {
 public:
  Attention(const AxialImageTransformerOptions& options, int64_t axis) : axis_(axis) {
    const auto inner = std::make_shared<torch::nn::Module>();
    attention_ = inner->register_module(
        "fn", std::make_shared<AxialSelfAttention>(options.dim, options.heads, options.dim_heads));
    const auto norm = std::make_shared<torch::nn::Module>();
    weight_ = norm->register_parameter("weight", at::ones({options.dim}));
    bias_ = norm->register_parameter("bias", at::zeros({options.dim}));
    inner->register_module("norm", norm);
    register_module("fn", inner);
    attention_->initialise();
  }
  at::Tensor forward(const at::Tensor& x) const {
    return along_axis(x, axis_, /*channels=*/1, [&](const at::Tensor& lines) {
      return attention_->forward(at::layer_norm(lines, {lines.size(2)}, weight_, bias_, kLayerNormEps));
    });
  }

 private:
  int64_t axis_;
  std::shared_ptr<AxialSelfAttention> attention_;
  at::Tensor weight_, bias_;
};

/// A norm over the channels, whose epsilon is added to the standard deviation, and two convolutions.
class AxialImageTransformer::FeedForward : public torch::nn::Module {
 public:
  explicit FeedForward(int64_t dim) {
    const auto norm = std::make_shared<torch::nn::Module>();
    g_ = norm->register_parameter("g", at::ones({1, dim, 1, 1}));
    b_ = norm->register_parameter("b", at::zeros({1, dim, 1, 1}));
    register_module("0", norm);
    widen_ = register_module("1", std::make_shared<Conv2d>(ConvShape{.in = dim, .out = kHiddenFactor * dim}));
    narrow_ =
        register_module("3", std::make_shared<Conv2d>(ConvShape{.in = kHiddenFactor * dim, .out = dim}));
    widen_->initialise();
    narrow_->initialise();
  }
  at::Tensor forward(const at::Tensor& x) const {
    const auto std = x.var(at::IntArrayRef{1}, /*unbiased=*/false, /*keepdim=*/true).sqrt();
    const auto normed = (x - x.mean(1, /*keepdim=*/true)) / (std + kChannelNormEps) * g_ + b_;
    return narrow_->forward(at::leaky_relu(widen_->forward(normed), kLeakySlope));
  }

 private:
  at::Tensor g_, b_;
  std::shared_ptr<Conv2d> widen_, narrow_;
};

AxialImageTransformer::~AxialImageTransformer() = default;

AxialImageTransformer::AxialImageTransformer(const AxialImageTransformerOptions& options)
    : reversible_(options.reversible) {
  if (!options.shape.empty()) {
    pos_emb_ =
        register_module("pos_emb", std::make_shared<AxialPositionalEmbedding>(options.dim, options.shape));
    pos_emb_->initialise();
  }
  torch::nn::ModuleList blocks;
  const auto add = [&](const auto& f, const auto& g) {
    const auto pair = std::make_shared<torch::nn::Module>();
    pair->register_module(reversible_ ? "f" : "0", reversible_ ? holder_of("net", f) : f);
    pair->register_module(reversible_ ? "g" : "1", reversible_ ? holder_of("net", g) : g);
    blocks->push_back(pair);
    pairs_.emplace_back([f](const at::Tensor& x) { return f->forward(x); },
                        [g](const at::Tensor& x) { return g->forward(x); });
  };
  for (int64_t i = 0; i < options.depth; ++i) {
    add(std::make_shared<Attention>(options, 2), std::make_shared<Attention>(options, 3));
    add(std::make_shared<FeedForward>(options.dim), std::make_shared<FeedForward>(options.dim));
  }
  register_module("layers", holder_of("blocks", blocks.ptr()));
}

at::Tensor AxialImageTransformer::forward(const at::Tensor& input) const {
  const auto x = pos_emb_ == nullptr ? input : pos_emb_->forward(input);
  if (!reversible_) {
    auto sum = x;
    for (const auto& [f, g] : pairs_) {
      sum = sum + f(sum);
      sum = sum + g(sum);
    }
    return sum;
  }
  auto first = x, second = x;
  for (const auto& [f, g] : pairs_) {
    first = first + f(second);
    second = second + g(first);
  }
  return (first + second) / 2.0;
}

}  // namespace arzoo::nn
