#include "nn/named_decoder.h"

#include <torch/torch.h>

#include "nn/embedding_table.h"

namespace arzoo::nn {

const DecoderNames kLlamaNames{.embedding = "embed_tokens",
                               .layers = "layers",
                               .norm_1 = "input_layernorm",
                               .norm_2 = "post_attention_layernorm",
                               .attention = "self_attn",
                               .query = "q_proj",
                               .key = "k_proj",
                               .value = "v_proj",
                               .fused = "",
                               .projection = "o_proj",
                               .feed_forward = "mlp",
                               .gate = "gate_proj",
                               .up = "up_proj",
                               .down = "down_proj",
                               .norm = "norm"};
const DecoderNames kNeoxNames{.embedding = "embed_in",
                              .layers = "layers",
                              .norm_1 = "input_layernorm",
                              .norm_2 = "post_attention_layernorm",
                              .attention = "attention",
                              .query = "",
                              .key = "",
                              .value = "",
                              .fused = "query_key_value",
                              .projection = "dense",
                              .feed_forward = "mlp",
                              .gate = "",
                              .up = "dense_h_to_4h",
                              .down = "dense_4h_to_h",
                              .norm = "final_layer_norm"};

namespace {

constexpr double kDeviation = 0.02;

std::shared_ptr<torch::nn::Module> part_of(torch::nn::Module& owner, const std::string& name) {
  return owner.register_module(name, std::make_shared<torch::nn::Module>());
}

/// What a pass computes with: the layer itself where it is more than a matrix and a bias.
Affine affine(const std::shared_ptr<LinearLayer>& layer) {
  if (layer == nullptr) return {};
  auto map = layer->map();
  if (layer->has_lora()) map.structure = layer;
  return map;
}

}  // namespace

NamedDecoder::NamedDecoder(const DecoderOptions& options, const DecoderNames& names,
                           const DecoderBiases& biases, int64_t vocabulary, bool reads_tokens)
    : options_(options), decoder_(options) {
  if (reads_tokens) {
    embedding_ = register_table(*this, names.embedding.c_str(), vocabulary, options.n_embd);
  } else {
    const auto unused = at::empty({vocabulary, options.n_embd}).normal_(0.0, kDeviation);
    embedding_ = part_of(*this, names.embedding)->register_buffer("weight", unused);
  }
  const auto layers = part_of(*this, names.layers);
  for (int64_t i = 0; i < options.n_layer; ++i)
    add_block(*part_of(*layers, std::to_string(i)), names, biases);
  norms_.norm = norm(*this, names.norm);
  value_tables_ = ValueTables(*this, options.value_memory, options.n_layer, vocabulary, options.kv_heads(),
                              options.head_width());
}

Affine NamedDecoder::norm(torch::nn::Module& owner, const std::string& name) const {
  const auto layer = part_of(owner, name);
  Affine norm{layer->register_parameter("weight", at::empty({options_.n_embd})), {}};
  if (options_.norm == "layer_norm")
    norm.bias = layer->register_parameter("bias", at::empty({options_.n_embd}));
  return norm;
}

void NamedDecoder::add_block(torch::nn::Module& owner, const DecoderNames& names,
                             const DecoderBiases& biases) {
  const int64_t width = options_.n_embd, inner = options_.n_head * options_.head_width(),
                groups = options_.kv_heads() * options_.head_width(), hidden = options_.hidden_width();
  const auto map = [](torch::nn::Module& of, const std::string& name, int64_t in, int64_t out, bool bias) {
    return name.empty() ? nullptr : of.register_module(name, std::make_shared<LinearLayer>(in, out, bias));
  };
  BlockWeights norms;
  norms.norm_1 = norm(owner, names.norm_1);
  norms.norm_2 = norm(owner, names.norm_2);
  const auto attention = part_of(owner, names.attention);
  if (const auto& memory = options_.value_memory; memory.any()) {
    const int64_t gates = options_.kv_heads() * memory.gates(options_.n_layer);
    norms.move_gate =
        part_of(*attention, "move_gate")->register_parameter("weight", at::empty({gates, width}));
  }
  norms_.blocks.push_back(norms);
  const auto mlp = part_of(owner, names.feed_forward);
  maps_.push_back({.query = map(*attention, names.query, width, inner, biases.qkv),
                   .key = map(*attention, names.key, width, groups, biases.qkv),
                   .value = map(*attention, names.value, width, groups, biases.qkv),
                   .fused = map(*attention, names.fused, width, inner + 2 * groups, biases.qkv),
                   .projection = map(*attention, names.projection, inner, width, biases.projection),
                   .gate = map(*mlp, names.gate, width, hidden, biases.feed_forward),
                   .up = map(*mlp, names.up, width, hidden, biases.feed_forward),
                   .down = map(*mlp, names.down, hidden, width, biases.feed_forward)});
}

DecoderWeights NamedDecoder::weights() const {
  auto weights = norms_;
  for (std::size_t i = 0; i < maps_.size(); ++i) {
    auto& block = weights.blocks[i];
    const auto& maps = maps_[i];
    block.qkv = affine(maps.fused);
    block.query = affine(maps.query);
    block.key = affine(maps.key);
    block.value = affine(maps.value);
    block.projection = affine(maps.projection);
    block.gate = affine(maps.gate);
    block.up = affine(maps.up);
    block.down = affine(maps.down);
  }
  return weights;
}

at::Tensor NamedDecoder::forward(const at::Tensor& x, const DecoderPass& pass) const {
  return decoder_.forward(x, weights(), pass);
}

void NamedDecoder::initialise() {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : named_parameters()) {
    auto value = parameter.value();
    if (parameter.key().ends_with("move_gate.weight")) {
      value.zero_();
    } else if (value.dim() > 1) {
      value.normal_(0.0, kDeviation);
    } else {
      value.fill_(parameter.key().ends_with("bias") ? 0.0 : 1.0);
    }
  }
}

}  // namespace arzoo::nn
