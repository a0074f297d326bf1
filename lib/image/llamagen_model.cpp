#include "image/llamagen_model.h"

#include <torch/torch.h>

#include <cmath>

#include "core/error.h"
#include "image/token_scores.h"
#include "kernels/dropout.h"
#include "kernels/rms_norm.h"
#include "nn/drop_path.h"
#include "nn/embedding_table.h"
#include "nn/storage_type.h"
#include "nn/token_sampler.h"

namespace arzoo::image {
namespace {

nn::DecoderOptions decoder_options(const LlamaGenOptions& options) {
  nn::DecoderOptions decoder;
  decoder.n_embd = options.dim;
  decoder.n_layer = options.n_layer;
  decoder.n_head = options.n_head;
  decoder.n_kv_head = options.kv_heads();
  decoder.n_inner = options.hidden_width();
  decoder.feed_forward = "gated";
  decoder.norm = "rms_norm";
  decoder.positions = "rotary";
  decoder.layer_norm_epsilon = options.norm_eps;
  decoder.bias = false;
  decoder.attention_dropout = options.attn_dropout_p;
  return decoder;
}

at::Tensor norm_of(torch::nn::Module& owner, const char* name, int64_t width) {
  const auto layer = owner.register_module(name, std::make_shared<torch::nn::Module>());
  return layer->register_parameter("weight", at::empty({width}));
}

}  // namespace

kernels::RopeAngles picture_angles(const LlamaGenOptions& options) {
  const int64_t side = options.side(), width = options.head_width(), quarter = width / 4;
  const auto exponents = at::arange(0, 2 * quarter, 2, at::kFloat) / static_cast<double>(width / 2);
  const auto frequencies = 1.0 / at::pow(at::full({}, options.rope_base, at::kFloat), exponents);
  const auto turns = at::arange(side, at::kFloat).unsqueeze(1) * frequencies;  // [side, E/4]
  const auto by_row = turns.unsqueeze(1).expand({side, side, quarter}),
             by_column = turns.unsqueeze(0).expand({side, side, quarter});
  const auto angles = at::cat({by_row, by_column}, -1).reshape({1, 1, side * side, 2 * quarter});
  const auto none = at::zeros({1, 1, options.cls_token_num, 2 * quarter});
  return {at::cat({none, angles.cos()}, 2), at::cat({none, angles.sin()}, 2), /*interleaved=*/true};
}

LlamaGenBlocks::LlamaGenBlocks(const LlamaGenOptions& options)
    : options_(options), decoder_(decoder_options(options)), rotary_(picture_angles(options)) {
  register_condition();
  const auto layers = register_module("layers", std::make_shared<torch::nn::Module>());
  for (int64_t i = 0; i < options.n_layer; ++i)
    blocks_.push_back(
        block(*layers->register_module(std::to_string(i), std::make_shared<torch::nn::Module>())));
  norm_ = norm_of(*this, "norm", options.dim);
}

void LlamaGenBlocks::register_condition() {
  const auto embedding = register_module("cls_embedding", std::make_shared<torch::nn::Module>());
  if (!options_.by_caption()) {
    const int64_t rows = options_.num_classes + (options_.can_guide() ? 1 : 0);
    classes_ = nn::register_table(*embedding, "embedding_table", rows, options_.dim);
    return;
  }
  const auto projection = embedding->register_module("cap_proj", std::make_shared<torch::nn::Module>());
  fc1_ = map(*projection, "fc1", options_.caption_dim, options_.dim);
  fc2_ = map(*projection, "fc2", options_.dim, options_.dim);
  null_caption_ = embedding->register_buffer("uncond_embedding",
                                             at::empty({options_.cls_token_num, options_.caption_dim}));
}

std::shared_ptr<nn::LinearLayer> LlamaGenBlocks::map(torch::nn::Module& owner, const char* name, int64_t in,
                                                     int64_t out) {
  return owner.register_module(name, std::make_shared<nn::LinearLayer>(in, out, /*with_bias=*/false));
}

LlamaGenBlocks::Block LlamaGenBlocks::block(torch::nn::Module& owner) {
  const int64_t width = options_.dim, hidden = options_.hidden_width();
  Block block;
  const auto attention = owner.register_module("attention", std::make_shared<torch::nn::Module>());
  block.wqkv = map(*attention, "wqkv", width, width + 2 * options_.kv_heads() * options_.head_width());
  block.wo = map(*attention, "wo", width, width);
  if (const auto& memory = options_.value_memory; memory.any()) {
    const auto gate = attention->register_module("move_gate", std::make_shared<torch::nn::Module>());
    block.move_gate = gate->register_parameter(
        "weight", at::empty({options_.kv_heads() * memory.gates(options_.n_layer), width}));
  }
  const auto feed_forward = owner.register_module("feed_forward", std::make_shared<torch::nn::Module>());
  block.w1 = map(*feed_forward, "w1", width, hidden);
  block.w3 = map(*feed_forward, "w3", width, hidden);
  block.w2 = map(*feed_forward, "w2", hidden, width);
  block.attention_norm = norm_of(owner, "attention_norm", width);
  block.ffn_norm = norm_of(owner, "ffn_norm", width);
  return block;
}

nn::DecoderWeights LlamaGenBlocks::weights() const {
  nn::DecoderWeights weights;
  weights.rotary = {rotary_.cos.to(norm_.device()), rotary_.sin.to(norm_.device()), rotary_.interleaved};
  for (const auto& own : blocks_) {
    nn::BlockWeights block;
    block.norm_1 = {own.attention_norm, {}};
    block.norm_2 = {own.ffn_norm, {}};
    block.qkv = own.wqkv->map();
    block.projection = own.wo->map();
    block.move_gate = own.move_gate;
    block.gate = own.w1->map();
    block.up = own.w3->map();
    block.down = own.w2->map();
    weights.blocks.push_back(std::move(block));
  }
  return weights;
}

at::Tensor LlamaGenBlocks::condition_tokens(const LlamaGenCondition& condition) const {
  if (condition.labels.defined()) return at::embedding(classes_, condition.labels).unsqueeze(1);
  const auto features = condition.captions.to(fc1_->type());
  return fc2_->forward(fc1_->forward(features, kernels::Activation::gelu_tanh));
}

LlamaGenCondition LlamaGenBlocks::without(const LlamaGenCondition& condition) const {
  if (condition.labels.defined()) return {.labels = at::full_like(condition.labels, options_.num_classes)};
  return {.captions = null_caption_.to(condition.captions.options()).expand_as(condition.captions),
          .caption_mask = condition.caption_mask};
}

at::Tensor LlamaGenBlocks::thinned(const at::Tensor& x, double p, const at::Tensor& keep) const {
  return keep.defined() ? x * keep / (1.0 - p) : kernels::dropout(x, p, is_training());
}

at::Tensor LlamaGenBlocks::thinned_branch(std::size_t layer, nn::Branch branch, const at::Tensor& added,
                                          const at::Tensor& dropout_keep) const {
  const bool attention = branch == nn::Branch::attention;
  const auto place = static_cast<int64_t>(1 + 2 * layer + (attention ? 0 : 1));
  const auto keep = dropout_keep.defined() ? dropout_keep[place] : at::Tensor();
  const auto kept = thinned(added, attention ? options_.resid_dropout_p : options_.ffn_dropout_p, keep);
  const double rate = options_.n_layer == 1 ? 0.0
                                            : options_.drop_path_rate * static_cast<double>(layer) /
                                                  static_cast<double>(options_.n_layer - 1);
  if (rate == 0.0) return kept;
  return kept * nn::sample_path_mask(kept.size(0), rate, kept.options().requires_grad(false));
}

at::Tensor LlamaGenBlocks::pass(const at::Tensor& x, const nn::DecoderPass& pass,
                                const at::Tensor& dropout_keep) const {
  auto own = pass;
  own.training = is_training();
  if (is_training())
    own.thinned = [this, dropout_keep](std::size_t layer, nn::Branch branch, const at::Tensor& added) {
      return thinned_branch(layer, branch, added, dropout_keep);
    };
  return decoder_.forward(x, weights(), own);
}

at::Tensor LlamaGenBlocks::normed(const at::Tensor& x) const {
  return kernels::rms_norm(x, norm_, options_.norm_eps);
}

void LlamaGenBlocks::initialise_blocks() {
  const torch::NoGradGuard no_grad;
  for (const auto& part : modules(/*include_self=*/false)) {
    auto* layer = dynamic_cast<nn::LinearLayer*>(part.get());
    if (layer != nullptr) layer->initialise(options_.initializer_range);
  }
  if (classes_.defined()) classes_.normal_(0.0, options_.initializer_range);
  if (null_caption_.defined())
    null_caption_.normal_(0.0, 1.0 / std::sqrt(static_cast<double>(options_.caption_dim)));
  for (const auto& block : blocks_) {
    block.attention_norm.fill_(1.0);
    block.ffn_norm.fill_(1.0);
    if (block.move_gate.defined()) block.move_gate.zero_();
  }
  norm_.fill_(1.0);
}

LlamaGen::LlamaGen(const LlamaGenOptions& options) : LlamaGenBlocks(options) {
  embedding_ = nn::register_table(*this, "tok_embeddings", options.vocab_size, options.dim);
  output_ = map(*this, "output", options.dim, options.vocab_size);
  value_tables_ = nn::ValueTables(*this, options.value_memory, options.n_layer, options.vocab_size,
                                  options.kv_heads(), options.head_width());
}

at::Tensor LlamaGen::embedded(const at::Tensor& ids) const { return at::embedding(embedding_, ids); }

at::Tensor LlamaGen::logits_of(const at::Tensor& normed) const {
  return output_->forward(normed).to(at::kFloat);
}

at::Tensor LlamaGen::forward(const LlamaGenCondition& condition, const at::Tensor& ids,
                             const at::Tensor& dropout_keep, const at::Tensor& bias,
                             nn::DecoderTrace* trace) const {
  const int64_t before = options().cls_token_num, tokens = ids.size(1);
  const auto read = ids.narrow(1, 0, tokens - 1);
  const auto x = at::cat({condition_tokens(condition), embedded(read)}, 1);
  nn::DecoderPass way{.trace = trace, .bias = bias, .value_rows = value_rows(read, before)};
  if (condition.caption_mask.defined())
    way.attention_mask = at::constant_pad_nd(condition.caption_mask, {0, tokens - 1}, 1);
  const auto kept = is_training() ? thinned(x, options().token_dropout_p,
                                            dropout_keep.defined() ? dropout_keep[0] : at::Tensor())
                                  : x;
  return logits_of(normed(pass(kept, way, dropout_keep)).narrow(1, before - 1, tokens));
}

at::Tensor LlamaGen::states(const LlamaGenCondition& condition, const at::Tensor& ids) const {
  nn::DecoderPass way{.value_rows = value_rows(ids, options().cls_token_num)};
  if (condition.caption_mask.defined())
    way.attention_mask = at::constant_pad_nd(condition.caption_mask, {0, ids.size(1)}, 1);
  return normed(pass(at::cat({condition_tokens(condition), embedded(ids)}, 1), way));
}

at::Tensor LlamaGen::guided_logits(const at::Tensor& labels, const at::Tensor& ids, double cfg) const {
  const auto all = at::cat({labels, at::full_like(labels, options().num_classes)});
  const auto both = forward({.labels = all}, ids.repeat({2, 1})).chunk(2, 0);
  return nn::guided(both[0], both[1], cfg);
}

LlamaGenCondition LlamaGen::dropped(const LlamaGenCondition& condition, const at::Tensor& uniform) const {
  if (!options().can_guide()) return condition;
  const auto& given = condition.labels.defined() ? condition.labels : condition.captions;
  const auto random_inputs = uniform.defined() ? uniform : at::rand({given.size(0)}).to(given.device());
  const auto lost = random_inputs.lt(options().class_dropout_prob);
  const auto null = without(condition);
  if (condition.labels.defined()) return {.labels = at::where(lost, null.labels, condition.labels)};
  return {.captions = at::where(lost.view({-1, 1, 1}), null.captions, condition.captions),
          .caption_mask = condition.caption_mask};
}

runtime::Losses LlamaGen::loss(const LlamaGenCondition& condition, const at::Tensor& ids,
                               const LlamaGenRandomInputs& random_inputs, const at::Tensor& valid,
                               const at::Tensor& bias) const {
  const auto logits =
      forward(dropped(condition, random_inputs.condition), ids, random_inputs.dropout_keep, bias);
  const auto flat = logits.flatten(0, 1), targets = ids.flatten();
  at::Tensor total;
  if (valid.defined()) {
    const auto weights = valid.unsqueeze(1).expand_as(ids).flatten();
    const auto each = at::cross_entropy_loss(flat, targets, {}, at::Reduction::None);
    total = (each * weights).sum() / weights.sum().clamp_min(1.0);
  } else {
    total = at::cross_entropy_loss(flat, targets);
  }
  const auto scores = [seen = logits.detach(), ids] {
    TokenScores sums(ids.size(1));
    sums.add(seen, ids);
    return sums.metrics();
  };
  return {total, {}, scores};
}

void LlamaGen::initialise() {
  const torch::NoGradGuard no_grad;
  initialise_blocks();
  embedding_.normal_(0.0, options().initializer_range);
  for (auto table : value_tables_.tables()) table.normal_(0.0, options().initializer_range);
  output_->weight().zero_();
}

void LlamaGen::set_type(at::ScalarType type) { nn::set_storage_type(*this, type); }

}  // namespace arzoo::image
