#include "nn/decoder.h"

#include <torch/torch.h>

#include <stdexcept>

#include "kernels/attention.h"
#include "kernels/hidden_layer.h"
#include "kernels/linear.h"
#include "kernels/mesa_attention.h"
#include "kernels/rope.h"
#include "nn/gated_feed_forward.h"
#include "nn/position_table.h"
#include "nn/rms_norm.h"

namespace arzoo::nn {
namespace {

constexpr double kRotaryTheta = 10000.0;

at::Tensor apply(const Affine& map, const at::Tensor& x) { return kernels::linear(x, map.weight, map.bias); }

/// Without weights x as it is: blocks without normalisation may still have one of the output.
at::Tensor normalised(const Affine& norm, const at::Tensor& x, const DecoderOptions& options) {
  if (!norm.weight.defined()) return x;
  if (options.norm == "rms_norm") return rms_norm(x, norm.weight, options.layer_norm_epsilon);
  return at::layer_norm(x, {x.size(-1)}, norm.weight, norm.bias, options.layer_norm_epsilon);
}

/// The embedded tokens with what tells their places apart, the first of them at place `first`.
at::Tensor placed(const at::Tensor& x, const DecoderWeights& weights, const DecoderOptions& options,
                  int64_t first) {
  if (options.positions == "learned") return x + weights.positions.narrow(0, first, x.size(1));
  if (options.positions == "sinusoidal") {
    const auto table = position_table(first + x.size(1), x.size(2)).narrow(0, first, x.size(1));
    return x + table.to(x.options());
  }
  return x;
}

/// One forward pass through the blocks.
class Pass {
 public:
  Pass(const DecoderOptions& options, const kernels::RopeAngles& rotary, DecoderCache* cache,
       DecoderTrace* trace)
      : options_(options),
        rotary_(rotary),
        cache_(cache),
        trace_(trace),
        seen_(cache == nullptr ? 0 : cache->length()) {
    if (cache != nullptr && options.attention != "softmax")
      throw std::logic_error("a decoder's cache is for softmax attention");
  }

  int64_t seen() const { return seen_; }

  at::Tensor block(const at::Tensor& x, const BlockWeights& weights, std::size_t layer) const {
    const auto mixed = branch(x, weights.norm_1, [&](const auto& in) { return mix(in, weights, layer); });
    if (options_.feed_forward == "none") return mixed;
    return branch(mixed, weights.norm_2, [&](const auto& in) { return feed_forward(in, weights); });
  }

 private:
  template <class Branch>
  at::Tensor branch(const at::Tensor& x, const Affine& norm, const Branch& apply_to) const {
    const auto normed = normalised(norm, x, options_);
    if (options_.residual == "pre_norm") return x + apply_to(normed);
    return normed + apply_to(options_.residual == "beside" ? x : normed);
  }

  at::Tensor feed_forward(const at::Tensor& x, const BlockWeights& weights) const {
    const auto& kind = options_.feed_forward;
    if (kind == "gated") return apply(weights.down, silu_gated(apply(weights.gate, x), apply(weights.up, x)));
    if (kind == "tanh" || kind == "softplus" || kind == "sofu") {
      const auto hidden = apply(weights.up, x);
      return apply(weights.down, kind == "tanh"       ? at::tanh(hidden)
                                 : kind == "softplus" ? at::softplus(hidden)
                                                      : at::softmax(hidden, -1) * hidden);
    }
    const auto by = kind == "relu"   ? kernels::Activation::relu
                    : kind == "gelu" ? kernels::Activation::gelu
                                     : kernels::Activation::gelu_tanh;
    return apply(weights.down, kernels::hidden_layer(x, weights.up.weight, weights.up.bias, by, 0.0, false));
  }

  at::Tensor mix(const at::Tensor& x, const BlockWeights& weights, std::size_t layer) const {
    const int64_t batch = x.size(0), tokens = x.size(1);
    const auto heads = apply(weights.qkv, x)
                           .view({batch, tokens, 3, options_.n_head, options_.head_width()})
                           .permute({2, 0, 3, 1, 4});  // [3, B, H, T, E]
    auto q = heads[0], k = heads[1];
    if (options_.positions == "rotary") {
      const auto angles = angles_of(tokens, q);
      q = kernels::apply_rope(q, angles);
      k = kernels::apply_rope(k, angles);
    }
    const auto mixed = attend(q, k, heads[2], weights, layer);
    return apply(weights.projection, mixed.transpose(1, 2).reshape({batch, tokens, -1}));
  }

  /// Those of the tokens after what has been seen.
  kernels::RopeAngles angles_of(int64_t tokens, const at::Tensor& q) const {
    if (!rotary_.cos.defined()) {
      const auto places = at::arange(seen_, seen_ + tokens, q.options().dtype(at::kLong));
      return kernels::rope_angles(places, options_.head_width(), kRotaryTheta, q.scalar_type());
    }
    const auto own = [&](const at::Tensor& all) { return all.narrow(2, seen_, tokens).to(q.options()); };
    return {own(rotary_.cos), own(rotary_.sin), rotary_.interleaved};
  }

  at::Tensor attend(const at::Tensor& q, at::Tensor k, at::Tensor v, const BlockWeights& weights,
                    std::size_t layer) const {
    if (options_.attention == "mesa") return kernels::mesa_attention(q, v, k, weights.lambdas);
    const bool linear = options_.attention == "linear";
    if (cache_ != nullptr) std::tie(k, v) = cache_->layers.at(layer).append(k, v);
    const kernels::AttentionMode mode{.causal = true};
    if (trace_ != nullptr) {
      trace_->attention.push_back(linear ? kernels::linear_attention_weights(q, k)
                                         : kernels::attention_weights(q, k, mode));
    }
    return linear ? kernels::linear_attention(q, k, v) : kernels::attention(q, k, v, mode);
  }

  const DecoderOptions& options_;
  const kernels::RopeAngles& rotary_;
  DecoderCache* cache_;
  DecoderTrace* trace_;
  int64_t seen_;
};

Affine output_major(const Affine& map) {
  return {map.weight.defined() ? map.weight.t() : map.weight, map.bias};
}

}  // namespace

at::Tensor decode(const at::Tensor& x, const DecoderWeights& weights, const DecoderOptions& options,
                  DecoderCache* cache, DecoderTrace* trace) {
  const Pass pass(options, weights.rotary, cache, trace);
  auto hidden = placed(x, weights, options, pass.seen());
  if (trace != nullptr) trace->hidden.push_back(hidden);
  for (std::size_t layer = 0; layer < weights.blocks.size(); ++layer) {
    hidden = pass.block(hidden, weights.blocks[layer], layer);
    if (trace != nullptr) trace->hidden.push_back(hidden);
  }
  return normalised(weights.norm, hidden, options);
}

GptBlocks::GptBlocks(const DecoderOptions& options, int64_t tokens, Layout layout)
    : options_(options), layout_(layout) {
  if (options.positions == "learned") {
    const auto table = register_module("wpe", std::make_shared<torch::nn::Module>());
    stored_.positions = table->register_parameter("weight", at::empty({tokens, options.n_embd}));
  }
  const auto blocks = register_module("h", std::make_shared<torch::nn::Module>());
  for (int64_t i = 0; i < options.n_layer; ++i) {
    const auto owner = std::make_shared<torch::nn::Module>();
    stored_.blocks.push_back(block(*blocks->register_module(std::to_string(i), owner)));
  }
  stored_.norm = norm(*this, "ln_f");
}

Affine GptBlocks::linear(torch::nn::Module& owner, const std::string& name, int64_t in, int64_t out) const {
  const auto layer = owner.register_module(name, std::make_shared<torch::nn::Module>());
  const bool turned = layout_ == Layout::input_major;
  Affine map;
  map.weight = layer->register_parameter("weight", turned ? at::empty({in, out}) : at::empty({out, in}));
  if (options_.bias) map.bias = layer->register_parameter("bias", at::empty({out}));
  return map;
}

Affine GptBlocks::norm(torch::nn::Module& owner, const std::string& name) const {
  if (options_.norm == "none") return {};
  const auto layer = owner.register_module(name, std::make_shared<torch::nn::Module>());
  Affine norm{layer->register_parameter("weight", at::empty({options_.n_embd})), {}};
  if (options_.bias && options_.norm == "layer_norm")
    norm.bias = layer->register_parameter("bias", at::empty({options_.n_embd}));
  return norm;
}

BlockWeights GptBlocks::block(torch::nn::Module& owner) const {
  const int64_t width = options_.n_embd, inner = options_.n_head * options_.head_width(),
                hidden = options_.hidden_width();
  BlockWeights block;
  block.norm_1 = norm(owner, "ln_1");
  const auto attention = owner.register_module("attn", std::make_shared<torch::nn::Module>());
  block.qkv = linear(*attention, "c_attn", width, 3 * inner);
  block.projection = linear(*attention, "c_proj", inner, width);
  if (options_.attention == "mesa")
    block.lambdas = attention->register_parameter("lambdas", at::empty({options_.n_head}));
  if (options_.feed_forward == "none") return block;
  block.norm_2 = norm(owner, "ln_2");
  const auto mlp = owner.register_module("mlp", std::make_shared<torch::nn::Module>());
  if (options_.feed_forward == "gated") block.gate = linear(*mlp, "c_gate", width, hidden);
  block.up = linear(*mlp, "c_fc", width, hidden);
  block.down = linear(*mlp, "c_proj", hidden, width);
  return block;
}

DecoderWeights GptBlocks::weights() const {
  if (layout_ == Layout::output_major) return stored_;
  auto weights = stored_;
  for (auto& block : weights.blocks) {
    for (auto* map : {&block.qkv, &block.projection, &block.up, &block.down, &block.gate})
      *map = output_major(*map);
  }
  return weights;
}

at::Tensor GptBlocks::forward(const at::Tensor& x, DecoderCache* cache, DecoderTrace* trace) const {
  return decode(x, weights(), options_, cache, trace);
}

void GptBlocks::initialise() {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : named_parameters()) {
    const auto& name = parameter.key();
    auto value = parameter.value();
    const bool is_scale = name.find("ln_") != std::string::npos || name.ends_with("lambdas");
    if (name.ends_with("bias")) {
      value.zero_();
    } else if (is_scale) {
      value.fill_(1.0);
    } else {
      const bool ends_branch = name.find("c_proj") != std::string::npos;
      value.normal_(0.0, ends_branch ? 0.02 / std::sqrt(2.0 * static_cast<double>(options_.n_layer)) : 0.02);
    }
  }
}

}  // namespace arzoo::nn
