#include "language/combiner_model.h"

#include <torch/torch.h>

#include <cmath>

#include "language/experiment.h"
#include "language/fixture.h"
#include "nn/combiner_attention.h"
#include "nn/embedding_table.h"

namespace arzoo::language {
namespace {

constexpr double kNormEpsilon = 1e-6;

nn::DecoderOptions combiner_decoder_options(const CombinerOptions& options) {
  nn::DecoderOptions o;
  o.n_embd = options.emb_dim;
  o.n_layer = options.num_layers;
  o.n_head = options.num_heads;
  o.head_dim = options.qkv_dim / options.num_heads;
  o.n_inner = options.mlp_dim;
  o.feed_forward = "relu";
  o.positions = "none";
  o.layer_norm_epsilon = kNormEpsilon;
  o.dropout = options.dropout_rate;
  return o;
}

nn::Affine combiner_map(torch::nn::Module& owner, const char* name, int64_t in, int64_t out, bool bias) {
  const auto map = owner.register_module(name, std::make_shared<torch::nn::Module>());
  nn::Affine affine{map->register_parameter("weight", at::empty({out, in})), {}};
  if (bias) affine.bias = map->register_parameter("bias", at::empty({out}));
  return affine;
}

nn::Affine combiner_norm(torch::nn::Module& owner, const char* name, int64_t width) {
  const auto norm = owner.register_module(name, std::make_shared<torch::nn::Module>());
  return {norm->register_parameter("weight", at::empty({width})),
          norm->register_parameter("bias", at::empty({width}))};
}

/// Of the official code: sines in the first half of the channels, cosines in the second, [tokens, width].
at::Tensor half_sinusoids(int64_t tokens, int64_t width) {
  const int64_t half = width / 2;
  const double decay = -std::log(10000.0) / static_cast<double>(half - 1);
  const auto angles = at::arange(tokens, at::kFloat).unsqueeze(1) * at::exp(at::arange(half, at::kFloat) * decay);
  return at::cat({at::sin(angles), at::cos(angles)}, 1);
}

}  // namespace

CombinerLm::CombinerLm(const CombinerOptions& options)
    : options_(options),
      decoder_(combiner_decoder_options(options)),
      embedding_(nn::register_table(*this, "embedding", options.vocab_size, options.emb_dim)) {
  const auto layers = register_module("layers", std::make_shared<torch::nn::Module>());
  for (int64_t i = 0; i < options.num_layers; ++i)
    add_layer(*layers->register_module(std::to_string(i), std::make_shared<torch::nn::Module>()));
  weights_.norm = combiner_norm(*this, "norm", options.emb_dim);
  head_ = combiner_map(*this, "head", options.emb_dim, options.vocab_size, true);
}

void CombinerLm::add_layer(torch::nn::Module& owner) {
  const int64_t width = options_.emb_dim, inner = options_.qkv_dim;
  nn::BlockWeights block;
  block.norm_1 = combiner_norm(owner, "norm1", width);
  block.norm_2 = combiner_norm(owner, "norm2", width);
  const auto attention = owner.register_module("attn", std::make_shared<torch::nn::Module>());
  block.query = combiner_map(*attention, "query", width, inner, false);
  block.key = combiner_map(*attention, "key", width, inner, false);
  block.value = combiner_map(*attention, "value", width, inner, false);
  block.projection = combiner_map(*attention, "out", inner, width, false);
  if (options_.attention == "rowmajor") {
    summaries_.push_back({.out = combiner_map(*attention, "summary", inner, width, false),
                          .key = combiner_map(*attention, "summary_key", width, inner, false),
                          .norm = combiner_norm(*attention, "summary_norm", width)});
  }
  block.up = combiner_map(owner, "fc1", width, options_.mlp_dim, true);
  block.down = combiner_map(owner, "fc2", options_.mlp_dim, width, true);
  weights_.blocks.push_back(block);
}

at::Tensor CombinerLm::mix(std::size_t layer, const nn::QkvHeads& heads, const at::Tensor& x) const {
  const int64_t segment = options_.max_seg_len;
  if (options_.attention == "fixed") return nn::combiner_fixed(heads, segment);
  if (options_.attention == "logn") return nn::combiner_logn(heads, nn::combiner_levels(options_.max_len));
  if (options_.attention == "axial") return nn::combiner_axial(heads, segment);
  const auto& summary = summaries_.at(layer);
  const auto rows = nn::row_attention(heads, segment);
  const auto sum = nn::linear(nn::merge_heads(rows), summary.out) + x;
  const auto normed =
      at::layer_norm(sum, {sum.size(-1)}, summary.norm.weight, summary.norm.bias, kNormEpsilon);
  const auto keys = nn::split_heads(nn::linear(normed, summary.key), options_.num_heads);
  return nn::combiner_rowmajor(heads, keys, rows, segment);
}

at::Tensor CombinerLm::logits(const at::Tensor& ids, nn::DecoderTrace* trace) {
  // Causal: what is put behind the last token changes nothing before it.
  const int64_t tokens = ids.size(1), unit = options_.attention == "logn" ? 1 : options_.max_seg_len;
  const auto padded = at::constant_pad_nd(ids, {0, (unit - tokens % unit) % unit}, 0);
  const auto x = at::embedding(embedding_, padded) +
                 half_sinusoids(padded.size(1), options_.emb_dim).to(embedding_.options());
  nn::DecoderPass pass{.trace = trace, .training = is_training()};
  pass.mix = [this](std::size_t layer, const nn::QkvHeads& heads, const at::Tensor& read) {
    return mix(layer, heads, read);
  };
  return nn::linear(decoder_.forward(x, weights_, pass), head_).narrow(1, 0, tokens);
}

std::unique_ptr<nn::TokenStream> CombinerLm::stream(int64_t) {
  return std::make_unique<RereadingStream>(*this);
}

void CombinerLm::initialise() {
  const torch::NoGradGuard no_grad;
  constexpr double kBiasDeviation = 1e-6;
  for (auto& parameter : named_parameters()) {
    const auto& name = parameter.key();
    auto value = parameter.value();
    if (name == "embedding.weight") {
      value.normal_(0.0, 1.0);
    } else if (value.dim() == 2) {
      torch::nn::init::xavier_uniform_(value);
    } else if (name.find("norm") != std::string::npos) {
      value.fill_(name.ends_with("weight") ? 1.0 : 0.0);
    } else {
      value.normal_(0.0, kBiasDeviation);
    }
  }
}

}  // namespace arzoo::language

namespace arzoo::runtime {

template <>
const ModelEntry& entry<language::CombinerOptions>() {
  static const ModelEntry entry{
      .name = language::CombinerOptions::kName,
      .build = &build_any<language::CombinerLm, language::CombinerOptions>,
      .experiment = &language::language_experiment<language::CombinerLm, language::CombinerOptions>,
      .replays = {{"combiner", language::replay_combiner}}};
  return entry;
}

}  // namespace arzoo::runtime
