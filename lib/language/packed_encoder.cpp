#include "language/packed_encoder.h"

#include <torch/torch.h>

#include "nn/embedding_table.h"

namespace arzoo::language {
namespace {

std::shared_ptr<torch::nn::Module> inner(torch::nn::Module& owner, const std::string& name) {
  return owner.register_module(name, std::make_shared<torch::nn::Module>());
}

nn::Affine affine_of(torch::nn::Module& owner, const char* name, at::IntArrayRef weight, int64_t out) {
  const auto part = inner(owner, name);
  return {part->register_parameter("weight", at::empty(weight)), part->register_parameter("bias", at::empty({out}))};
}

nn::BlockPass pass_of(const nn::PackedSequences& sequences) {
  nn::BlockPass pass;
  pass.mix = [&](const nn::QkvHeads& heads, const at::Tensor&) { return nn::packed_attention(heads, sequences); };
  return pass;
}

}  // namespace

nn::BlockOptions encoder_block_options(int64_t heads, const std::string& activation, double norm_eps) {
  return {.heads = heads,
          .feed_forward = activation == "gelu_new" ? "gelu_tanh" : activation,
          .residual = "post_norm",
          .norm_eps = norm_eps};
}

at::Tensor PackedEncoder::block(const at::Tensor& x, const nn::BlockWeights& weights,
                                const nn::PackedSequences& sequences) const {
  return block_.forward(x.unsqueeze(0), weights, pass_of(sequences)).squeeze(0);
}

at::Tensor PackedEncoder::context(const at::Tensor& x, const nn::BlockWeights& weights,
                                  const nn::PackedSequences& sequences) const {
  at::Tensor context;
  nn::BlockPass pass;
  pass.mix = [&](const nn::QkvHeads& heads, const at::Tensor&) {
    const auto mixed = nn::packed_attention(heads, sequences);
    context = nn::merge_heads(mixed);
    return mixed;
  };
  block_.attention(x.unsqueeze(0), weights, pass);
  return context.squeeze(0);
}

Bert::Bert(const BertOptions& options)
    : options_(options),
      encoder_(encoder_block_options(options.num_attention_heads, options.hidden_act, options.layer_norm_eps)) {
  const int64_t width = options.hidden_size, hidden = options.intermediate_size;
  const auto embeddings = inner(*this, "embeddings");
  words_ = nn::register_table(*embeddings, "word_embeddings", options.vocab_size, width);
  positions_ = nn::register_table(*embeddings, "position_embeddings", options.max_position_embeddings, width);
  types_ = nn::register_table(*embeddings, "token_type_embeddings", options.type_vocab_size, width);
  norm_ = affine_of(*embeddings, "LayerNorm", {width}, width);
  const auto layers = inner(*inner(*this, "encoder"), "layer");
  for (int64_t i = 0; i < options.num_hidden_layers; ++i) {
    const auto layer = inner(*layers, std::to_string(i));
    const auto attention = inner(*layer, "attention");
    const auto own = inner(*attention, "self"), out = inner(*attention, "output");
    nn::BlockWeights block;
    block.query = affine_of(*own, "query", {width, width}, width);
    block.key = affine_of(*own, "key", {width, width}, width);
    block.value = affine_of(*own, "value", {width, width}, width);
    block.projection = affine_of(*out, "dense", {width, width}, width);
    block.norm_1 = affine_of(*out, "LayerNorm", {width}, width);
    block.up = affine_of(*inner(*layer, "intermediate"), "dense", {hidden, width}, hidden);
    const auto output = inner(*layer, "output");
    block.down = affine_of(*output, "dense", {width, hidden}, width);
    block.norm_2 = affine_of(*output, "LayerNorm", {width}, width);
    blocks_.push_back(block);
  }
  pooler_ = affine_of(*inner(*this, "pooler"), "dense", {width, width}, width);
}

Bert::Encoded Bert::encode(const at::Tensor& ids, const at::Tensor& mask, const at::Tensor& types) const {
  Encoded encoded{.sequences = nn::PackedSequences(mask), .hidden = {}, .inputs = {}, .pooled = {}};
  const auto& sequences = encoded.sequences;
  const auto sum = at::embedding(words_, sequences.pack(ids)) + at::embedding(types_, sequences.pack(types)) +
                   at::embedding(positions_, sequences.columns());
  auto x = at::layer_norm(sum, {sum.size(-1)}, norm_.weight, norm_.bias, options_.layer_norm_eps);
  for (const auto& block : blocks_) {
    encoded.inputs.push_back(x);
    x = encoder_.block(x, block, sequences);
  }
  encoded.hidden = x;
  std::vector<at::Tensor> firsts;
  for (int64_t i = 0; i < sequences.sequences(); ++i) {
    firsts.push_back(sequences.end(i) > sequences.begin(i) ? x[sequences.begin(i)]
                                                           : at::zeros({x.size(1)}, x.options()));
  }
  encoded.pooled = at::tanh(nn::linear(at::stack(firsts), pooler_));
  return encoded;
}

runtime::NamedTensors bert_tensors(const runtime::NamedTensors& file) {
  runtime::NamedTensors own(file.where());
  for (const auto& [given, tensor] : file) {
    std::string name = given.starts_with("bert.") ? given.substr(5) : given;
    if (name.starts_with("cls.") || name.starts_with("classifier.")) continue;
    const auto rename = [&](std::string_view old, std::string_view now) {
      if (name.ends_with(old)) name.replace(name.size() - old.size(), old.size(), now);
    };
    rename(".gamma", ".weight");
    rename(".beta", ".bias");
    own.add(name, tensor);
  }
  return own;
}

}  // namespace arzoo::language
