#include "nn/gpt_blocks.h"

#include <torch/torch.h>

#include <cmath>
#include <map>

#include "kernels/quantized_weights.h"

namespace arzoo::nn {
namespace {

Affine output_major(const Affine& map) {
  return {map.weight.defined() ? map.weight.t() : map.weight, map.bias, map.structure};
}

}  // namespace

GptBlocks::GptBlocks(const DecoderOptions& options, int64_t tokens, Layout layout, MakeMap make_map)
    : options_(options), decoder_(options), layout_(layout), make_map_(std::move(make_map)) {
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
  if (make_map_) return make_map_(owner, name, in, out);
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
  block.qkv = linear(*attention, "c_attn", width, inner + 2 * options_.kv_heads() * options_.head_width());
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

DecoderWeights GptBlocks::weights() const { return packed_ ? *packed_ : output_major_weights(); }

DecoderWeights GptBlocks::output_major_weights() const {
  if (layout_ == Layout::output_major) return stored_;
  auto weights = stored_;
  for (auto& block : weights.blocks) {
    for (auto* map : {&block.qkv, &block.projection, &block.up, &block.down, &block.gate})
      *map = output_major(*map);
  }
  return weights;
}

void GptBlocks::for_each_dense_map(
    DecoderWeights& weights, const std::function<void(Affine& map, const at::Tensor& stored)>& visit) const {
  for (std::size_t i = 0; i < weights.blocks.size(); ++i) {
    for (const auto map : {&BlockWeights::qkv, &BlockWeights::projection, &BlockWeights::up,
                           &BlockWeights::down, &BlockWeights::gate}) {
      auto& own = weights.blocks[i].*map;
      if (own.structure == nullptr && own.weight.defined()) visit(own, (stored_.blocks[i].*map).weight);
    }
  }
}

void GptBlocks::pack() {
  if (packed_) return;
  auto weights = output_major_weights();
  for_each_dense_map(weights, [](Affine& map, const at::Tensor& stored) {
    if (!kernels::can_pack(map.weight)) return;
    map.weight = kernels::packed_linear_weight(map.weight.contiguous());
    kernels::release(stored);
  });
  packed_ = std::move(weights);
}

std::vector<kernels::QuantizableWeight> GptBlocks::quantizable(Quantization form) const {
  std::map<const at::TensorImpl*, std::string> names;
  for (const auto& parameter : named_parameters())
    names[parameter.value().unsafeGetTensorImpl()] = parameter.key();
  std::vector<kernels::QuantizableWeight> found;
  auto all = weights();
  for_each_dense_map(all, [&](const Affine& map, const at::Tensor& stored) {
    if (kernels::fits(map.weight, form))
      found.push_back({names.at(stored.unsafeGetTensorImpl()), map.weight, form});
  });
  return found;
}

void GptBlocks::take_packed(const std::string& name, const at::Tensor& packed) {
  if (!packed_) packed_ = output_major_weights();
  const auto parameter = named_parameters()[name];
  for_each_dense_map(*packed_, [&](Affine& map, const at::Tensor& stored) {
    if (!stored.is_same(parameter)) return;
    map.weight = packed;
    kernels::release(stored);
  });
}

at::Tensor GptBlocks::forward(const at::Tensor& x, const DecoderPass& pass) const {
  return decoder_.forward(x, weights(), pass);
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
