#include "language/block_transformer_model.h"

#include <torch/torch.h>

#include <cmath>

#include "language/experiment.h"
#include "language/fixture.h"
#include "language/text_study.h"
#include "nn/embedding_table.h"

namespace arzoo::language {
namespace {

std::shared_ptr<torch::nn::Module> section_of(torch::nn::Module& owner, const char* name) {
  return owner.register_module(name, std::make_shared<torch::nn::Module>());
}

constexpr nn::DecoderBiases kAllBiases{.qkv = true, .projection = true, .feed_forward = true};

}  // namespace

BlockTransformer::BlockTransformer(const BlockTransformerOptions& options) : options_(options) {
  const int64_t width = options.hidden_size, token_width = options.token_width();
  const auto embedder = section_of(*this, "embedder");
  table_ = nn::register_table(*embedder, "embeddings", options.vocab_size, options.embedded());
  if (options.projection_method == "projection_layer") {
    const auto layer = section_of(*embedder, "projection_layer");
    projection_weight_ =
        layer->register_parameter("weight", at::empty({width, options.embedded(), options.block_length}));
    projection_bias_ = layer->register_parameter("bias", at::empty({width}));
  }
  block_decoder_ = section_of(*this, "block_decoder")
                       ->register_module("gpt_neox", std::make_shared<nn::NamedDecoder>(
                                                         options.block_decoder(), nn::kNeoxNames, kAllBiases,
                                                         options.vocab_size,
                                                         /*reads_tokens=*/false));
  const auto tokens = section_of(*this, "token_decoder");
  token_decoder_ = tokens->register_module(
      "gpt_neox", std::make_shared<nn::NamedDecoder>(options.token_decoder(), nn::kNeoxNames, kAllBiases,
                                                     options.vocab_size));
  if (options.expansion_method == "expansion_layer") {
    const auto expansion = section_of(*tokens, "expansion_layer");
    const int64_t out = options.expansion_ratio * token_width;
    expansion_weight_ = expansion->register_parameter("weight", at::empty({out, width, 1}));
    expansion_bias_ = expansion->register_parameter("bias", at::empty({out}));
  }
  head_ = tokens->register_module(
      "embed_out", std::make_shared<nn::LinearLayer>(token_width, options.vocab_size, /*with_bias=*/false));
}

at::Tensor BlockTransformer::embedded_blocks(const at::Tensor& ids) const {
  const auto tokens = at::embedding(table_, ids);  // [B, N, L, E]
  if (!projection_weight_.defined()) return tokens.flatten(2);
  // A convolution whose stride is its kernel: a linear map of the tokens side by side.
  return kernels::linear(tokens.flatten(2), projection_weight_.transpose(1, 2).flatten(1), projection_bias_);
}

at::Tensor BlockTransformer::expanded(const at::Tensor& hidden) const {
  if (!expansion_weight_.defined())
    return hidden.reshape({-1, 1, options_.hidden_size}).repeat_interleave(options_.expansion_ratio, 1);
  const auto vectors = kernels::linear(hidden, expansion_weight_.squeeze(-1), expansion_bias_);
  return vectors.reshape({-1, options_.expansion_ratio, options_.token_width()});
}

at::Tensor BlockTransformer::token_inputs(const at::Tensor& vectors, const at::Tensor& ids) const {
  if (options_.is_prefix()) return at::cat({vectors, token_decoder_->embedded(ids)}, 1);
  const auto first = at::full({ids.size(0), 1}, options_.eos_token_id, ids.options());
  const auto read = at::cat({first, ids}, 1);
  return token_decoder_->embedded(read) + vectors.narrow(1, 0, read.size(1));
}

at::Tensor BlockTransformer::block_logits(const at::Tensor& ids, const at::Tensor& mask,
                                          BlockPassTrace* trace) {
  const int64_t rows = ids.size(0), blocks = ids.size(1), length = options_.block_length;
  const auto inputs = embedded_blocks(ids);
  const auto block_mask = mask.ne(0).any(2);  // [B, N]
  nn::DecoderPass pass{.training = is_training()};
  if (!block_mask.all().item<bool>()) pass.attention_mask = block_mask;
  const auto hidden = block_decoder_->forward(inputs, pass);
  const auto vectors = expanded(hidden.narrow(1, 0, blocks - 1));
  const auto own = ids.narrow(1, 1, blocks - 1).reshape({-1, length}).narrow(1, 0, length - 1);
  if (trace != nullptr) *trace = {inputs, hidden, vectors};
  const std::vector<int64_t> sizes{rows, blocks - 1, length, options_.vocab_size};
  if (!pass.attention_mask.defined()) return token_logits(vectors, own).view(sizes);
  // Nothing is computed of blocks that are padding alone.
  const auto real = block_mask.narrow(1, 1, blocks - 1).reshape({-1}).nonzero().squeeze(1);
  const auto logits = token_logits(vectors.index_select(0, real), own.index_select(0, real));
  return at::zeros({vectors.size(0), length, options_.vocab_size}, logits.options())
      .index_copy(0, real, logits)
      .view(sizes);
}

at::Tensor BlockTransformer::token_logits(const at::Tensor& vectors, const at::Tensor& ids) {
  const int64_t length = options_.block_length;
  const auto tokens = token_decoder_->forward(token_inputs(vectors, ids), {.training = is_training()});
  return head(tokens.narrow(1, tokens.size(1) - length, length));
}

at::Tensor BlockTransformer::block_loss(const at::Tensor& ids, const at::Tensor& mask) {
  const int64_t blocks = ids.size(1) - 1;
  return mean_cross_entropy(block_logits(ids, mask).flatten(1, 2), ids.narrow(1, 1, blocks).flatten(1),
                            mask.narrow(1, 1, blocks).ne(0).flatten(1));
}

TokenLosses BlockTransformer::token_losses(const at::Tensor& rows) {
  const int64_t length = options_.block_length, tokens = rows.size(1) - 1;
  const int64_t before = length - 1, behind = (length - tokens % length) % length;
  const auto cut = [&](const at::Tensor& x, int64_t padding) {
    return at::constant_pad_nd(x, {before, behind}, padding).unflatten(1, {-1, length});
  };
  const auto logits = block_logits(cut(rows, options_.pad_token_id), cut(at::ones_like(rows), 0));
  return {nats_of(logits.flatten(1, 2).narrow(1, 0, tokens), rows.narrow(1, 1, tokens)), {}};
}

runtime::Losses BlockTransformer::loss(const at::Tensor& rows) {
  const int64_t length = options_.block_length, slots = (rows.size(1) - 1) / length * length;
  auto places = at::arange(slots, rows.options()).expand({rows.size(0), slots});
  if (options_.random_pad_first_block)
    places = places - at::randint(length, {rows.size(0), 1}, at::kLong).to(rows.device());
  const auto mask = places.ge(0);
  const auto ids = at::where(mask, rows.gather(1, places.clamp_min(0)), options_.pad_token_id);
  const auto cut = [&](const at::Tensor& x) { return x.unflatten(1, {slots / length, length}); };
  return {.total = block_loss(cut(ids), cut(mask))};
}

void BlockTransformer::initialise() {
  const torch::NoGradGuard no_grad;
  constexpr double kDeviation = 0.02;
  table_.normal_(0.0, kDeviation);
  block_decoder_->initialise();
  token_decoder_->initialise();
  head_->initialise(kDeviation);
  if (projection_weight_.defined()) {
    const auto fan = static_cast<double>(options_.embedded() * options_.block_length);
    projection_weight_.normal_(0.0, 1.0 / std::sqrt(fan));
    projection_bias_.zero_();
  }
  if (expansion_weight_.defined()) {
    expansion_weight_.normal_(0.0, 1.0 / std::sqrt(static_cast<double>(options_.hidden_size)));
    expansion_bias_.zero_();
  }
  if (!options_.from.empty()) take_vanilla(runtime::open_tensors(options_.from));
}

}  // namespace arzoo::language

namespace arzoo::runtime {

template <>
const ModelEntry& entry<language::BlockTransformerOptions>() {
  static const ModelEntry entry{
      .name = language::BlockTransformerOptions::kName,
      .build = &build_any<language::BlockTransformer, language::BlockTransformerOptions>,
      .experiment =
          &language::language_experiment<language::BlockTransformer, language::BlockTransformerOptions>,
      .study = language::text_study(),
      .replays = {{"block_transformer", language::replay_block_transformer}}};
  return entry;
}

}  // namespace arzoo::runtime
