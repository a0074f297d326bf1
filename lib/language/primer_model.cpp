#include "language/primer_model.h"

#include <torch/torch.h>

#include <cmath>

#include "language/experiment.h"
#include "language/fixture.h"
#include "language/text_study.h"
#include "nn/embedding_table.h"

namespace arzoo::language {
namespace {

nn::DecoderOptions primer_decoder_options(const PrimerOptions& options) {
  nn::DecoderOptions o;
  o.n_embd = options.d_model;
  o.n_layer = options.num_layers;
  o.n_head = options.num_heads;
  o.head_dim = options.d_kv;
  o.n_inner = options.d_ff;
  o.feed_forward = "squared_relu";
  o.norm = options.norm_name();
  o.residual = options.is_full() ? "primer" : "pre_norm";
  o.positions = "none";
  o.layer_norm_epsilon = options.norm_epsilon;
  o.attention_scale = options.attention_scale;
  o.relative_buckets = options.relative_attention_num_buckets;
  o.relative_distance = options.max_distance;
  return o;
}

nn::Affine primer_norm_of(torch::nn::Module& owner, const char* name, const PrimerOptions& options) {
  const auto norm = owner.register_module(name, std::make_shared<torch::nn::Module>());
  nn::Affine affine{norm->register_parameter("scale", at::ones({options.d_model})), {}};
  if (options.norm_name() != "rms_norm")
    affine.bias = norm->register_parameter("bias", at::zeros({options.d_model}));
  return affine;
}

nn::Affine primer_map(torch::nn::Module& owner, const char* name, int64_t in, int64_t out, bool bias) {
  const auto map = owner.register_module(name, std::make_shared<torch::nn::Module>());
  nn::Affine affine{map->register_parameter("weight", at::empty({out, in})), {}};
  if (bias) affine.bias = map->register_parameter("bias", at::zeros({out}));
  return affine;
}

/// N(0, 1 / fan) in place.
void fill_by_fan(const at::Tensor& weight, int64_t fan) {
  auto value = weight;
  value.normal_(0.0, 1.0 / std::sqrt(static_cast<double>(fan)));
}

}  // namespace

nn::BlockOptions primer_block_options(const PrimerOptions& options) {
  return {.heads = options.num_heads,
          .causal = true,
          .feed_forward = "squared_relu",
          .norm = options.norm_name(),
          .residual = options.is_full() ? "primer" : "pre_norm",
          .norm_eps = options.norm_epsilon,
          .attention_scale = options.attention_scale};
}

PrimerBlock::PrimerBlock(const PrimerOptions& options) : options_(options) {
  const int64_t width = options.d_model, inner = options.num_heads * options.d_kv;
  weights_.norm_1 = primer_norm_of(*this, "norm1", options);
  weights_.norm_2 = primer_norm_of(*this, "norm2", options);
  const auto attention = register_module("attn", std::make_shared<torch::nn::Module>());
  const auto taps = [&](const char* name) {
    return attention->register_parameter(name, at::empty({options.kernel_size, inner}));
  };
  if (options.is_full()) {
    weights_.key = primer_map(*attention, "q", width, inner, false);
    weights_.query_of_key = primer_map(*attention, "q_solo", inner, inner, false);
    weights_.key_taps = taps("qk_dconv");
  } else {
    weights_.query = primer_map(*attention, "q", width, inner, false);
    weights_.key = primer_map(*attention, "k", width, inner, false);
    weights_.query_taps = taps("q_dconv");
    weights_.key_taps = taps("k_dconv");
  }
  weights_.value = primer_map(*attention, "v", width, inner, false);
  weights_.value_taps = taps("v_dconv");
  weights_.projection = primer_map(*attention, "o", inner, width, false);
  const auto hidden = register_module("ffn", std::make_shared<torch::nn::Module>());
  weights_.up = primer_map(*hidden, "wi", width, options.d_ff, true);
  weights_.down = primer_map(*hidden, "wo", options.d_ff, width, true);
}

void PrimerBlock::initialise() {
  const int64_t width = options_.d_model, inner = options_.num_heads * options_.d_kv;
  if (options_.is_full()) {
    fill_by_fan(weights_.key.weight, width * options_.d_kv);
    fill_by_fan(weights_.query_of_key.weight, inner);
  } else {
    fill_by_fan(weights_.query.weight, width * options_.d_kv);
    fill_by_fan(weights_.key.weight, width);
  }
  fill_by_fan(weights_.value.weight, width);
  fill_by_fan(weights_.projection.weight, inner);
  fill_by_fan(weights_.up.weight, width);
  fill_by_fan(weights_.down.weight, options_.d_ff);
  for (auto taps : {weights_.query_taps, weights_.key_taps, weights_.value_taps}) {
    if (!taps.defined()) continue;
    taps.fill_(0.5 / static_cast<double>(options_.kernel_size));
    taps[0].fill_(0.5);
  }
}

PrimerLm::PrimerLm(const PrimerOptions& options)
    : options_(options),
      decoder_(primer_decoder_options(options)),
      embedding_(nn::register_table(*this, "embedding", options.vocab_size, options.d_model)) {
  weights_.relative_bias = nn::register_table(*this, "relative_attention_bias",
                                              options.relative_attention_num_buckets, options.num_heads);
  const auto blocks = register_module("blocks", std::make_shared<torch::nn::Module>());
  for (int64_t i = 0; i < options.num_layers; ++i) {
    blocks_.push_back(blocks->register_module(std::to_string(i), std::make_shared<PrimerBlock>(options)));
    weights_.blocks.push_back(blocks_.back()->weights());
  }
  weights_.norm = primer_norm_of(*this, "final_norm", options);
}

at::Tensor PrimerLm::hidden(const at::Tensor& ids, const nn::DecoderPass& pass) {
  return decoder_.forward(at::embedding(embedding_, ids), weights_, pass);
}

at::Tensor PrimerLm::head(const at::Tensor& hidden) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(options_.d_model));
  return kernels::linear(hidden * scale, embedding_, {});
}

runtime::Losses PrimerLm::loss(const at::Tensor& rows) {
  const int64_t tokens = rows.size(1) - 1;
  const auto targets = rows.narrow(1, 1, tokens);
  const auto own = logits(rows.narrow(1, 0, tokens)).to(at::kFloat);
  auto losses = nats_of(own, targets);
  if (is_training() && options_.z_loss > 0)
    losses = losses + options_.z_loss * at::logsumexp(own, {-1}).square();
  // Padding counts in the divisor, as in the official code.
  return {.total = losses.masked_fill(targets.le(0), 0.0).mean()};
}

TokenLosses PrimerLm::token_losses(const at::Tensor& rows) {
  auto losses = DecoderModel::token_losses(rows);
  losses.counts = rows.narrow(1, 1, rows.size(1) - 1).gt(0);
  return losses;
}

void PrimerLm::initialise() {
  const torch::NoGradGuard no_grad;
  embedding_.normal_(0.0, 1.0);
  const double limit =
      std::sqrt(6.0 / static_cast<double>(options_.relative_attention_num_buckets + options_.num_heads));
  weights_.relative_bias.uniform_(-limit, limit);
  for (const auto& block : blocks_) block->initialise();
}

}  // namespace arzoo::language

namespace arzoo::runtime {

template <>
const ModelEntry& entry<language::PrimerOptions>() {
  static const ModelEntry entry{
      .name = language::PrimerOptions::kName,
      .build = &build_any<language::PrimerLm, language::PrimerOptions>,
      .experiment = &language::language_experiment<language::PrimerLm, language::PrimerOptions>,
      .study = language::text_study(),
      .replays = {{"primer", language::replay_primer}, {"primer_ez", language::replay_primer}}};
  return entry;
}

}  // namespace arzoo::runtime
