#include "language/bert_model.h"

#include <torch/torch.h>

#include <algorithm>

#include "core/error.h"
#include "core/options_among.h"
#include "kernels/dropout.h"
#include "language/experiment.h"
#include "language/fixture.h"
#include "nn/embedding_table.h"

namespace arzoo::language {
namespace {

std::shared_ptr<torch::nn::Module> bert_part(torch::nn::Module& owner, const std::string& name) {
  return owner.register_module(name, std::make_shared<torch::nn::Module>());
}

nn::Affine bert_map(torch::nn::Module& owner, const char* name, int64_t in, int64_t out) {
  const auto part = bert_part(owner, name);
  return {part->register_parameter("weight", at::empty({out, in})),
          part->register_parameter("bias", at::empty({out}))};
}

nn::Affine bert_norm(torch::nn::Module& owner, int64_t width) {
  const auto part = bert_part(owner, "LayerNorm");
  return {part->register_parameter("weight", at::empty({width})),
          part->register_parameter("bias", at::empty({width}))};
}

EncoderBlockOptions block_options_of(const BertOptions& options) {
  return {.heads = options.num_attention_heads,
          .activation = options.hidden_act,
          .norm_eps = options.layer_norm_eps,
          .dropout = options.hidden_dropout_prob,
          .attention_dropout = options.attention_probs_dropout_prob};
}

at::Tensor normed(const at::Tensor& x, const nn::Affine& norm, double eps) {
  return at::layer_norm(x, {x.size(-1)}, norm.weight, norm.bias, eps);
}

/// What training reads in place of the chosen tokens: 80 % are hidden, 10 % become another, 10 % stay. ids:
/// [N]; chosen: [N] bool.
at::Tensor hidden_ids(const at::Tensor& ids, const at::Tensor& chosen, const BertOptions& options) {
  const auto lot = at::rand(ids.sizes(), at::kFloat).to(ids.device());
  const auto others = at::randint(options.vocab_size, ids.sizes(), at::kLong).to(ids.device());
  const auto read = at::where(chosen.logical_and(lot < 0.8), options.mask_token_id, ids);
  return at::where(chosen.logical_and(lot >= 0.9), others, read);
}

}  // namespace

Bert::Bert(const BertOptions& options, bool with_pooler)
    : options_(options), encoder_(block_options_of(options)) {
  const int64_t width = options.hidden_size;
  const auto embeddings = bert_part(*this, "embeddings");
  words_ = nn::register_table(*embeddings, "word_embeddings", options.vocab_size, width);
  positions_ = nn::register_table(*embeddings, "position_embeddings", options.max_position_embeddings, width);
  types_ = nn::register_table(*embeddings, "token_type_embeddings", options.type_vocab_size, width);
  norm_ = bert_norm(*embeddings, width);
  const auto layers = bert_part(*bert_part(*this, "encoder"), "layer");
  for (int64_t i = 0; i < options.num_hidden_layers; ++i) add_layer(*bert_part(*layers, std::to_string(i)));
  if (with_pooler) pooler_ = bert_map(*bert_part(*this, "pooler"), "dense", width, width);
}

void Bert::add_layer(torch::nn::Module& owner) {
  const int64_t width = options_.hidden_size, hidden = options_.intermediate_size;
  const auto attention = bert_part(owner, "attention");
  const auto own = bert_part(*attention, "self"), out = bert_part(*attention, "output");
  nn::BlockWeights block;
  block.query = bert_map(*own, "query", width, width);
  block.key = bert_map(*own, "key", width, width);
  block.value = bert_map(*own, "value", width, width);
  block.projection = bert_map(*out, "dense", width, width);
  block.norm_1 = bert_norm(*out, width);
  block.up = bert_map(*bert_part(owner, "intermediate"), "dense", width, hidden);
  const auto output = bert_part(owner, "output");
  block.down = bert_map(*output, "dense", hidden, width);
  block.norm_2 = bert_norm(*output, width);
  blocks_.push_back(block);
}

EncodedTexts Bert::encode(const at::Tensor& ids, const nn::PackedSequences& sequences,
                          const at::Tensor& types) const {
  const auto of_types = types.defined() ? at::embedding(types_, types) : types_[0];
  const auto sum =
      at::embedding(words_, ids) + of_types + at::embedding(positions_, sequences.columns().to(ids.device()));
  auto x = kernels::dropout(normed(sum, norm_, options_.layer_norm_eps), options_.hidden_dropout_prob,
                            is_training());
  EncodedTexts encoded;
  for (const auto& block : blocks_) {
    encoded.inputs.push_back(x);
    x = encoder_.block(x, block, sequences, is_training());
  }
  encoded.hidden = x;
  return encoded;
}

at::Tensor Bert::pooled(const at::Tensor& hidden, const nn::PackedSequences& sequences) const {
  return at::tanh(nn::linear(sequences.first(hidden), pooler_));
}

BertLm::BertLm(const BertOptions& options)
    : options_(options),
      bert_(register_module("bert", std::make_shared<Bert>(options, /*with_pooler=*/false))) {
  const auto predictions = bert_part(*bert_part(*this, "cls"), "predictions");
  const auto transform = bert_part(*predictions, "transform");
  transform_ = bert_map(*transform, "dense", options.hidden_size, options.hidden_size);
  norm_ = bert_norm(*transform, options.hidden_size);
  bias_ = predictions->register_parameter("bias", at::empty({options.vocab_size}));
}

at::Tensor BertLm::filled(const at::Tensor& ids, const at::Tensor& chosen) const {
  const nn::PackedSequences rows(std::vector<int64_t>(static_cast<std::size_t>(ids.size(0)), ids.size(1)));
  const auto tokens = bert_->encode(ids.flatten(), rows).hidden.index_select(0, chosen);
  const auto by = options_.hidden_act == "relu"   ? kernels::Activation::relu
                  : options_.hidden_act == "gelu" ? kernels::Activation::gelu
                                                  : kernels::Activation::gelu_tanh;
  const auto transformed = normed(nn::linear(tokens, transform_, by), norm_, options_.layer_norm_eps);
  return kernels::linear(transformed, bert_->words(), bias_);
}

TokenLosses BertLm::token_losses(const at::Tensor& rows) {
  constexpr int64_t kEvery = 7, kFirst = 3;
  const auto ids = rows.narrow(1, 1, rows.size(1) - 1);
  const auto places = at::arange(ids.size(1), ids.options());
  const auto counts = places.remainder(kEvery).eq(kFirst).expand_as(ids).contiguous();
  const auto chosen = counts.flatten().nonzero().squeeze(1);
  auto nats = at::zeros(ids.sizes(), ids.options().dtype(at::kFloat));
  if (chosen.numel() > 0) {
    const auto logits = filled(at::where(counts, options_.mask_token_id, ids), chosen);
    nats.view({-1}).index_copy_(
        0, chosen, nats_of(logits.unsqueeze(0), ids.flatten().index_select(0, chosen).unsqueeze(0))[0]);
  }
  return {nats, counts};
}

runtime::Losses BertLm::loss(const at::Tensor& rows) {
  const auto ids = rows.narrow(1, 1, rows.size(1) - 1);
  auto lot = at::rand({ids.numel()}, at::kFloat);
  // The token with the smallest number is always one of them.
  const auto bound = std::max(options_.mask_share, lot.min().item<double>());
  const auto chosen = (lot <= bound).to(ids.device());
  const auto read = hidden_ids(ids.flatten(), chosen, options_).view(ids.sizes());
  const auto places = chosen.nonzero().squeeze(1);
  return {.total = at::cross_entropy_loss(filled(read, places).to(at::kFloat),
                                          ids.flatten().index_select(0, places))};
}

std::unique_ptr<nn::TokenStream> BertLm::stream(int64_t) {
  fail<UsageError>("a BERT continues no text (arzoo embed-text makes vectors of texts)");
}

void BertLm::initialise() {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : named_parameters()) {
    auto value = parameter.value();
    if (value.dim() > 1) {
      value.normal_(0.0, 0.02);
    } else {
      value.fill_(parameter.key().ends_with("LayerNorm.weight") ? 1.0 : 0.0);
    }
  }
}

BertOptions published_bert_options(const Config& config) {
  for (const auto& [key, only] : {std::pair<const char*, Json>{"position_embedding_type", "absolute"},
                                  {"is_decoder", false},
                                  {"add_cross_attention", false}}) {
    if (config.has(key) && config.json().at(key) != only)
      config.at(key).reject(fmt::format("is not supported, expected {}", dump_json(only)));
  }
  Json own = config.json();
  own["mask_token_id"] = 0;
  return options_among<BertOptions>(Config(std::move(own), config.name(), config.pointer()));
}

runtime::NamedTensors bert_tensors(const runtime::NamedTensors& file) {
  runtime::NamedTensors own(file.where());
  for (const auto& [given, tensor] : file) {
    std::string name = given.starts_with("bert.") ? given.substr(5) : given;
    if (name.starts_with("cls.") || name.starts_with("classifier.") || name.starts_with("qa_outputs."))
      continue;
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

namespace arzoo::runtime {

template <>
const ModelEntry& entry<language::BertOptions>() {
  static const ModelEntry entry{
      .name = language::BertOptions::kName,
      .build = &build_any<language::BertLm, language::BertOptions>,
      .experiment = &language::language_experiment<language::BertLm, language::BertOptions>,
      .replays = {{"bert", language::replay_bert},
                  {"bytetransformer", language::replay_byte_transformer},
                  {"bytetransformer_bert_layer", language::replay_bert_layer}}};
  return entry;
}

}  // namespace arzoo::runtime
