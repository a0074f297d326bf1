#include "language/combiner_model.h"

#include <torch/torch.h>

#include <cmath>

#include "kernels/dropout.h"
#include "language/experiment.h"
#include "language/fixture.h"
#include "language/text_study.h"
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

/// Of the official code: sines in the first half of the channels, cosines in the second. Returns [tokens,
/// width], the first at place `first`.
at::Tensor half_sinusoids(int64_t first, int64_t tokens, int64_t width) {
  const int64_t half = width / 2;
  const double decay = -std::log(10000.0) / static_cast<double>(half - 1);
  const auto angles = at::arange(first, first + tokens, at::kFloat).unsqueeze(1) *
                      at::exp(at::arange(half, at::kFloat) * decay);
  return at::cat({at::sin(angles), at::cos(angles)}, 1);
}

class CombinerStream : public nn::TokenStream {
 public:
  explicit CombinerStream(const CombinerLm& model) : model_(model) {
    for (int64_t i = 0; i < model.options().num_layers; ++i) caches_.emplace_back(model.pattern());
  }

  at::Tensor read(const at::Tensor& ids) override {
    const auto hidden = model_.hidden(ids, length_, &caches_);
    length_ += ids.size(1);
    return model_.head(hidden.select(1, -1));
  }

 private:
  const CombinerLm& model_;
  std::vector<nn::CombinerCache> caches_;
  int64_t length_ = 0;
};

}  // namespace

CombinerLm::CombinerLm(const CombinerOptions& options)
    : options_(options),
      pattern_{.kind = nn::combiner_kind(options.attention),
               .segment = options.max_seg_len,
               .levels = nn::combiner_levels(options.max_len),
               .dropout = options.attention_dropout_rate},
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

at::Tensor CombinerLm::summary_keys(std::size_t layer, const at::Tensor& attended,
                                    const at::Tensor& x) const {
  const auto& summary = summaries_.at(layer);
  const auto merged = attended.permute({0, 2, 3, 1, 4}).flatten(3);  // [B, R, S, H E]
  const auto sum =
      kernels::dropout(nn::linear(merged, summary.out), options_.dropout_rate, is_training()) + x;
  const auto normed =
      at::layer_norm(sum, {sum.size(-1)}, summary.norm.weight, summary.norm.bias, kNormEpsilon);
  return nn::linear(normed, summary.key).unflatten(3, {options_.num_heads, -1}).permute({0, 3, 1, 2, 4});
}

at::Tensor CombinerLm::hidden(const at::Tensor& ids, int64_t first, std::vector<nn::CombinerCache>* caches,
                              nn::DecoderTrace* trace) const {
  auto x = at::embedding(embedding_, ids);
  x = x + half_sinusoids(first, ids.size(1), options_.emb_dim).to(x.options());
  x = kernels::dropout(x, options_.dropout_rate, is_training());
  nn::DecoderPass pass{.trace = trace, .training = is_training()};
  pass.mix = [this, caches](std::size_t layer, const nn::QkvHeads& heads, const at::Tensor& read) {
    const nn::RowSummaryKeys keys = [this, layer](const at::Tensor& attended, const at::Tensor& rows) {
      return summary_keys(layer, attended, rows);
    };
    return caches != nullptr ? (*caches)[layer].read(heads, read, keys)
                             : nn::combiner_attention(heads, read, pattern_, keys, is_training());
  };
  return decoder_.forward(x, weights_, pass);
}

at::Tensor CombinerLm::logits(const at::Tensor& ids) { return head(hidden(ids, 0, nullptr)); }

std::unique_ptr<nn::TokenStream> CombinerLm::stream(int64_t) {
  return std::make_unique<CombinerStream>(*this);
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
      .study = language::text_study(),
      .replays = {{"combiner", language::replay_combiner}}};
  return entry;
}

}  // namespace arzoo::runtime
