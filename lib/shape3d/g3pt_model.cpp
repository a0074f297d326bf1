#include "shape3d/g3pt_model.h"

#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "kernels/attention.h"
#include "nn/cosine_heads.h"
#include "nn/embedding_table.h"
#include "nn/storage_type.h"
#include "shape3d/linear_start.h"
#include "shape3d/perceiver_block.h"

namespace arzoo::shape3d {
namespace {

constexpr double kG3ptDeviation = 0.02, kFirstTemperature = 4.0, kLargestTemperature = 100.0;

nn::DecoderOptions decoder_options(const G3ptOptions& options) {
  nn::DecoderOptions decoder;
  decoder.n_embd = options.gen_width;
  decoder.n_layer = options.gen_layers;
  decoder.n_head = options.gen_heads;
  decoder.feed_forward = "gelu";
  decoder.positions = "none";
  return decoder;
}

}  // namespace

G3pt::G3pt(const G3ptOptions& options) : options_(options), decoder_(decoder_options(options)) {
  const int64_t width = options.gen_width;
  start_ = register_parameter("start", at::empty({options.scales.front(), width}));
  cond_proj_ = register_linear(*this, "cond_proj", options.cond_dim, width);
  word_embed_ = register_linear(*this, "word_embed", options.width, width);
  level_ = nn::register_table(*this, "level", static_cast<int64_t>(options.scales.size()), width);
  pos_ = register_parameter("pos", at::empty({tokens_of(options.scales), width}));
  torch::nn::ModuleList list;
  for (int64_t i = 0; i < options.gen_layers; ++i) {
    auto owner = std::make_shared<torch::nn::Module>();
    Block block;
    block.ln_1 = owner->register_module("ln_1", perceiver_norm(width));
    block.attn = register_linear(*owner, "c_attn", width, 3 * width);
    block.proj = register_linear(*owner, "c_proj", width, width);
    block.ln_2 = owner->register_module("ln_2", perceiver_norm(width));
    const auto mlp = owner->register_module("mlp", std::make_shared<torch::nn::Module>());
    block.up = register_linear(*mlp, "c_fc", width, 4 * width);
    block.down = register_linear(*mlp, "c_proj", 4 * width, width);
    block.scale = owner->register_parameter("scale", at::empty({options.gen_heads, 1, 1}));
    blocks_.push_back(block);
    list->push_back(owner);
  }
  register_module("blocks", list);
  ln_f_ = register_module("ln_f", perceiver_norm(width));
  head_ = register_linear(*this, "head", width, options.codes);
  null_ = register_parameter("null", at::empty({options.cond_tokens, options.cond_dim}));
}

nn::DecoderWeights G3pt::weights() const {
  nn::DecoderWeights weights;
  for (const auto& own : blocks_) {
    nn::BlockWeights block;
    block.norm_1 = nn::Affine::of(own.ln_1);
    block.norm_2 = nn::Affine::of(own.ln_2);
    block.qkv = own.attn->map();
    block.projection = own.proj->map();
    block.up = own.up->map();
    block.down = own.down->map();
    weights.blocks.push_back(std::move(block));
  }
  weights.norm = nn::Affine::of(ln_f_);
  return weights;
}

at::Tensor G3pt::attended(std::size_t layer, const nn::QkvHeads& heads, const at::Tensor& bias,
                          std::vector<nn::KvCache>* caches) const {
  const auto temperatures = blocks_[layer].scale.clamp_max(std::log(kLargestTemperature)).exp();  // [H, 1, 1]
  const auto q = nn::unit_vectors(heads.q.to(at::kFloat)) * temperatures.to(at::kFloat);
  const auto k = nn::unit_vectors(heads.k.to(at::kFloat));
  kernels::AttentionMode mode;
  mode.scale = 1.0;
  const auto type = heads.v.scalar_type();
  if (bias.defined()) mode.bias = bias.to(type);
  if (caches == nullptr) return kernels::attention(q.to(type), k.to(type), heads.v, mode);
  const auto [keys, values] = (*caches)[layer].append(k.to(type), heads.v);
  return kernels::attention(q.to(type), keys, values, mode);
}

at::Tensor G3pt::pass(const at::Tensor& x, const at::Tensor& bias, std::vector<nn::KvCache>* caches) const {
  nn::DecoderPass way;
  way.training = is_training();
  way.mix = [&](std::size_t layer, const nn::QkvHeads& heads, const at::Tensor&) {
    return attended(layer, heads, bias, caches);
  };
  return decoder_.forward(x.to(type_), weights(), way);
}

at::Tensor G3pt::rows(const at::Tensor& input, std::size_t k, int64_t batch) const {
  int64_t first = 0;
  for (std::size_t i = 0; i < k; ++i) first += options_.scales[i];
  const auto own = k == 0 ? start_.unsqueeze(0).expand({batch, -1, -1})
                          : word_embed_->forward(input.to(word_embed_->type()));
  return own + pos_.narrow(0, first, options_.scales[k]) + level_[static_cast<int64_t>(k)];
}

at::Tensor G3pt::forward(const at::Tensor& condition, const at::Tensor& inputs, std::size_t scales) const {
  std::vector<at::Tensor> sequence{cond_proj_->forward(condition)};
  const int64_t before = condition.size(1);
  std::vector<int64_t> levels(static_cast<std::size_t>(before), -1);
  int64_t begin = 0;
  for (std::size_t k = 0; k < scales; ++k) {
    const int64_t own = options_.scales[k];
    sequence.push_back(rows(k == 0 ? at::Tensor() : inputs.narrow(1, begin, own), k, condition.size(0)));
    levels.insert(levels.end(), static_cast<std::size_t>(own), static_cast<int64_t>(k));
    if (k > 0) begin += own;
  }
  const auto level = at::tensor(levels, at::kLong).to(condition.device());
  const auto hidden_rows = level.unsqueeze(1).lt(level.unsqueeze(0));
  const auto bias = at::zeros(hidden_rows.sizes(), condition.options().requires_grad(false))
                        .masked_fill_(hidden_rows, -std::numeric_limits<double>::infinity())
                        .unsqueeze(0)
                        .unsqueeze(0);
  const auto passed = pass(at::cat(sequence, 1), bias, nullptr);
  return head_->forward(passed.narrow(1, before, passed.size(1) - before)).to(at::kFloat);
}

runtime::Losses G3pt::loss(const at::Tensor& condition, const at::Tensor& inputs, const at::Tensor& ids,
                           std::size_t scales) const {
  const auto logits = forward(condition, inputs, scales);
  const auto targets = ids.narrow(1, 0, logits.size(1));
  const auto total = at::cross_entropy_loss(logits.flatten(0, 1), targets.flatten());
  const auto statistics = [seen = logits.detach(), targets]() -> runtime::Metrics {
    return {{"accuracy", seen.argmax(2).eq(targets).to(at::kFloat).mean().item<double>()}};
  };
  return {total, {}, statistics, static_cast<double>(ids.size(0))};
}

at::Tensor G3pt::of_classes(const at::Tensor& labels) const {
  return at::one_hot(labels, options_.cond_dim).to(null_.scalar_type()).unsqueeze(1);
}

at::Tensor G3pt::no_condition(int64_t batch) const { return null_.unsqueeze(0).expand({batch, -1, -1}); }

G3pt::Generation G3pt::begin(const at::Tensor& condition) const {
  Generation generation;
  const int64_t capacity = condition.size(1) + tokens_of(options_.scales);
  generation.layers.assign(blocks_.size(), nn::KvCache(capacity));
  pass(cond_proj_->forward(condition.to(cond_proj_->type())), {}, &generation.layers);
  return generation;
}

at::Tensor G3pt::next(Generation& generation, const at::Tensor& input) const {
  const std::size_t k = generation.scale++;
  const int64_t batch = generation.layers.front().first(1).first.size(0);
  const auto passed = pass(rows(input, k, batch), {}, &generation.layers);
  return head_->forward(passed.to(head_->type())).to(at::kFloat);
}

void G3pt::initialise() {
  const torch::NoGradGuard no_grad;
  for (const auto& part : modules(/*include_self=*/false)) {
    if (auto* layer = dynamic_cast<nn::LinearLayer*>(part.get())) layer->initialise(kG3ptDeviation);
  }
  for (auto table : {start_, pos_, level_, null_}) table.normal_(0.0, kG3ptDeviation);
  for (auto& block : blocks_) block.scale.fill_(std::log(kFirstTemperature));
}

void G3pt::set_type(at::ScalarType type) {
  type_ = type;
  for (auto& block : blocks_) {
    for (const auto& layer : {block.attn, block.proj, block.up, block.down})
      nn::set_storage_type(*layer, type);
    nn::set_storage_type(*block.ln_1, type);
    nn::set_storage_type(*block.ln_2, type);
  }
  nn::set_storage_type(*ln_f_, type);
  nn::set_storage_type(*head_, type);
}

ScaleSampling scale_sampling(const G3ptGenerationOptions& options) {
  ScaleSampling sampling;
  sampling.cfg = options.cfg;
  sampling.tokens = {.top_k = options.top_k,
                     .top_p = options.top_p,
                     .temperature = options.temperature,
                     .rules = nn::kTemperatureFirst};
  return sampling;
}

at::Tensor generate_scales(const G3pt& model, const ScaleCoder& coder, const at::Tensor& condition,
                           const ScaleSampling& sampling, nn::TokenRandomInputs& random_inputs,
                           const ScaleWatcher& watch, at::Tensor* sum) {
  const torch::NoGradGuard no_grad;
  const int64_t batch = condition.size(0);
  const bool guided = sampling.cfg != 1.0;
  auto generation = model.begin(guided ? at::cat({condition, model.no_condition(batch)}) : condition);
  auto total = coder.empty_sum(batch);
  std::vector<at::Tensor> ids;
  at::Tensor input;
  int64_t first = 0;
  const auto& scales = coder.scales();
  for (std::size_t k = 0; k < scales.size(); ++k) {
    auto logits = model.next(generation, input);
    if (guided) {
      const auto both = logits.chunk(2, 0);
      logits = nn::guided(both[0], both[1], sampling.cfg);
    }
    logits = logits.contiguous();
    if (watch) watch(k, logits);
    auto allowed = logits.clone();
    nn::filter_logits(allowed, sampling.tokens);
    ids.push_back(random_inputs.pick(allowed, first));
    first += scales[k];
    total = coder.with_scale(total, ids.back(), k);
    if (k + 1 == scales.size()) break;
    input = coder.next_input(total, k + 1);
    if (guided) input = at::cat({input, input});
  }
  if (sum != nullptr) *sum = total;
  return at::cat(ids, 1);
}

}  // namespace arzoo::shape3d
