#include "image/var_model.h"

#include <torch/torch.h>

#include <cmath>
#include <numeric>

#include "core/error.h"
#include "image/scale_levels.h"
#include "image/token_scores.h"
#include "nn/drop_path.h"
#include "nn/embedding_table.h"
#include "nn/token_sampler.h"
#include "runtime/autocast.h"
#include "runtime/recompute.h"

namespace arzoo::image {
namespace {

/// [B, ...] → [2 B, ...] with the single row of the null class in the second half.
at::Tensor with_null_rows(const at::Tensor& rows, int64_t batch, bool guided) {
  if (!guided) return rows;
  auto sizes = rows.sizes().vec();
  sizes[0] = batch;
  return at::cat({rows.narrow(0, 0, batch), rows.narrow(0, batch, 1).expand(sizes)});
}

}  // namespace

std::vector<int64_t> nested_blocks(int64_t depth, int64_t used) {
  std::vector<int64_t> blocks;
  for (int64_t i = 0; i < used; ++i) blocks.push_back(used == 1 ? 0 : i * (depth - 1) / (used - 1));
  return blocks;
}

Var::Var(const VarOptions& options, Parts parts)
    : options_(options), grids_(square_grids(options.patch_nums)) {
  const int64_t width = options.embed_dim;
  register_embeddings(tokens_of(grids_));
  if (options.shared_aln)
    shared_ada_lin_ = register_module("shared_ada_lin", std::make_shared<nn::AdaLnModulation>(width, 6));
  torch::nn::ModuleList list;
  for (int64_t i = 0; i < options.depth; ++i) {
    blocks_.push_back(std::make_shared<VarBlock>(options));
    list->push_back(blocks_.back());
  }
  register_module("blocks", list);
  auto holder = std::make_shared<torch::nn::Module>();
  head_nm_ = holder->register_module("ada_lin", std::make_shared<nn::AdaLnModulation>(width, 2));
  register_module("head_nm", holder);
  if (parts == Parts::all)
    head_ = register_module("head", std::make_shared<nn::LinearLayer>(width, options.vae.vocab_size));
}

void Var::register_embeddings(int64_t tokens) {
  const int64_t width = options_.embed_dim;
  pos_start_ = register_parameter("pos_start", at::empty({1, grids_.front().tokens(), width}));
  pos_1LC_ = register_parameter("pos_1LC", at::empty({1, tokens, width}));
  lvl_1L_ = register_buffer("lvl_1L", scale_levels(grids_));
  attn_bias_for_masking_ = register_buffer("attn_bias_for_masking", block_causal_bias(lvl_1L_));
  word_embed_ =
      register_module("word_embed", std::make_shared<nn::LinearLayer>(options_.vae.z_channels, width));
  class_emb_ = nn::register_table(*this, "class_emb", options_.num_classes + 1, width);
  lvl_embed_ = nn::register_table(*this, "lvl_embed", static_cast<int64_t>(grids_.size()), width);
}

at::Tensor Var::places() const { return at::embedding(lvl_embed_, lvl_1L_) + pos_1LC_; }

at::Tensor Var::shared_modulation(const at::Tensor& condition) const {
  return shared_ada_lin_ == nullptr ? at::Tensor() : shared_ada_lin_->forward(condition);
}

kernels::Modulation Var::head_modulation(const at::Tensor& condition) const {
  const auto parts = head_nm_->forward(condition).unbind(2);
  return {parts[0], parts[1]};
}

VarBlock::PathMask Var::block_mask(int64_t block, int64_t batch, const at::TensorOptions& options,
                                   const at::Tensor& path_mask) const {
  const int64_t last = options_.depth - 1;
  const double rate =
      last == 0 ? 0.0 : options_.drop_path_rate * static_cast<double>(block) / static_cast<double>(last);
  if (rate == 0.0) return {};
  const auto share = [&](int64_t branch) {
    return path_mask.defined() ? nn::path_mask(path_mask[block][branch], rate)
                               : nn::sample_path_mask(batch, rate, options.requires_grad(false));
  };
  auto attention = share(0);
  return {attention, share(1)};
}

at::Tensor Var::condition_of(const at::Tensor& labels) const { return at::embedding(class_emb_, labels); }

at::Tensor Var::pass_blocks(const at::Tensor& condition, const at::Tensor& maps, const at::Tensor& path_mask,
                            runtime::Trace* trace, const SubNetwork* part, const Added& added) {
  const auto start = condition.unsqueeze(1) + pos_start_;
  auto x = at::cat({start, word_embed_->forward(maps)}, 1) + places();
  if (added.to_input.defined()) x = x + added.to_input;
  if (trace != nullptr) trace->emplace_back("embed", x);
  const auto shared = shared_modulation(condition);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const auto block = static_cast<int64_t>(i);
    const auto shares =
        is_training() ? block_mask(block, condition.size(0), x.options(), path_mask) : VarBlock::PathMask{};
    const bool all = part == nullptr || part->has(block);
    const int64_t seen = all ? x.size(1) : tokens_of(grids_, static_cast<std::size_t>(part->bridge_scales));
    const auto bias = attn_bias_for_masking_.narrow(2, 0, seen).narrow(3, 0, seen);
    const auto run = [own = blocks_[i], bias, shares, i, trace](const std::vector<at::Tensor>& inputs) {
      return std::vector{own->forward(inputs[0], own->modulation(inputs[1], inputs[2]), bias, shares,
                                      "block" + std::to_string(i), trace, inputs[3])};
    };
    const std::vector<at::Tensor> inputs{x.narrow(1, 0, seen), condition, shared,
                                         added.between.empty() ? at::Tensor() : added.between[i]};
    const auto passed = trace != nullptr ? run(inputs)[0] : runtime::recomputed(inputs, run)[0];
    x = all ? passed : at::cat({passed, x.narrow(1, seen, x.size(1) - seen)}, 1);
  }
  return x;
}

at::Tensor Var::head_normed(const at::Tensor& x, const at::Tensor& condition) const {
  // The head computes in fp32 even in mixed precision.
  const runtime::WithoutAutocast full_precision(x.device().type());
  return kernels::modulated_norm(x, head_modulation(condition), options_.norm_eps, at::kFloat);
}

at::Tensor Var::logits_of(const at::Tensor& x, const at::Tensor& condition) const {
  const runtime::WithoutAutocast full_precision(x.device().type());
  return head_->forward(head_normed(x, condition));
}

at::Tensor Var::hidden(const at::Tensor& labels, const at::Tensor& maps) {
  const auto condition = condition_of(labels);
  return head_normed(pass_blocks(condition, maps, {}, nullptr, nullptr, {}), condition);
}

at::Tensor Var::forward(const at::Tensor& labels, const at::Tensor& maps, const at::Tensor& path_mask,
                        runtime::Trace* trace, const SubNetwork* part) {
  const auto condition = condition_of(labels);
  const auto x = pass_blocks(condition, maps, path_mask, trace, part, {});
  if (trace != nullptr) trace->emplace_back("head_nm", head_normed(x, condition));
  return logits_of(x, condition);
}

at::Tensor Var::dropped(const at::Tensor& labels, const at::Tensor& uniform) const {
  const auto random_inputs = uniform.defined() ? uniform : at::rand({labels.size(0)}).to(labels.device());
  return labels.masked_fill(random_inputs.lt(options_.cond_drop_rate), null_class());
}

runtime::Losses Var::loss(const at::Tensor& labels, const at::Tensor& maps, const at::Tensor& targets,
                          double label_smoothing, const VarRandomInputs& random_inputs,
                          const SubNetwork* part) {
  const auto logits =
      forward(dropped(labels, random_inputs.condition), maps, random_inputs.path_mask, nullptr, part);
  const auto total = at::cross_entropy_loss(logits.flatten(0, 1), targets.flatten(), {}, at::Reduction::Mean,
                                            /*ignore_index=*/-100, label_smoothing);
  const auto scores = [seen = logits.detach(), targets, last = grids_.back().tokens()] {
    TokenScores sums(last);
    sums.add(seen, targets);
    return sums.metrics();
  };
  return {total, {}, scores};
}

int64_t VarGeneration::cache_bytes() const {
  int64_t bytes = 0;
  for (const auto& cache : caches) bytes += cache.bytes();
  return bytes;
}

VarGeneration Var::begin(const at::Tensor& labels, bool guided, const std::vector<int64_t>& cached) const {
  const int64_t batch = labels.size(0);
  if (batch == 0 || labels.min().item<int64_t>() < 0 || labels.max().item<int64_t>() > null_class())
    fail<UsageError>("var: classes must be a list of numbers in 0..{} ({} is no class)", null_class(),
                     null_class());
  const auto ids = guided ? at::cat({labels, at::full({1}, null_class(), labels.options())}) : labels;
  const auto condition = condition_of(ids);
  const auto shared = shared_modulation(condition);
  const auto rows = [&](const at::Tensor& table) { return with_null_rows(table, batch, guided); };
  VarGeneration generation;
  generation.guided = guided;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const auto m = blocks_[i]->modulation(condition, shared);
    generation.modulations.push_back(
        {rows(m.gamma1), rows(m.gamma2), rows(m.scale1), rows(m.scale2), rows(m.shift1), rows(m.shift2)});
    generation.caches.emplace_back(cached.empty() ? tokens_of(grids_) : cached.at(i));
  }
  const auto head = head_modulation(condition);
  generation.head = {rows(head.scale), rows(head.shift)};
  generation.start = rows(condition).unsqueeze(1) + pos_start_;
  return generation;
}

at::Tensor Var::next_tokens(const VarGeneration& generation, const at::Tensor& maps,
                            std::size_t scales) const {
  std::vector<at::Tensor> parts;
  if (generation.next == 0) parts.push_back(generation.start);
  if (maps.defined()) {
    const auto words = word_embed_->forward(maps);
    parts.push_back(generation.guided ? words.repeat({2, 1, 1}) : words);
  }
  const int64_t begin = tokens_of(grids_, generation.next), end = tokens_of(grids_, generation.next + scales);
  return at::cat(parts, 1).add_(places().narrow(1, begin, end - begin));
}

at::Tensor Var::extend(VarGeneration& generation, const at::Tensor& maps, std::size_t scales,
                       const std::vector<int64_t>& blocks) const {
  auto x = next_tokens(generation, maps, scales);
  std::vector<int64_t> counts;
  for (std::size_t k = 0; k < scales; ++k) counts.push_back(grids_[generation.next + k].tokens());
  const int64_t last_tokens = counts.back();
  if (generation.sees_together) counts = {std::accumulate(counts.begin(), counts.end(), int64_t{0})};
  generation.next += scales;
  auto& pruning = generation.pruning;
  pruning.begin_pass(generation.next - 1, scales == 1, blocks_.size());
  auto normed = kernels::modulated_norm(x, generation.modulations[blocks.front()].before_attention(),
                                        options_.norm_eps, type_);
  for (std::size_t j = 0; j < blocks.size(); ++j) {
    const bool last = j + 1 == blocks.size();
    const auto place = static_cast<std::size_t>(blocks[j]);
    const auto& block = *blocks_[place];
    const auto& modulation = generation.modulations[place];
    const auto pivots = pruning.pivots(x);
    if (pivots.defined()) counts = {pivots.size(1)};
    const auto attended =
        pruning.whole(block.attention().extend(rows_at(normed, pivots), counts, generation.caches[place]),
                      pivots, place, TokenPruning::Branch::attention);
    normed = kernels::gated_modulated_norm(x, attended, modulation.gamma1, modulation.before_ffn(),
                                           options_.norm_eps, type_);
    const auto mapped =
        pruning.whole(block.ffn().forward(rows_at(normed, pivots)), pivots, place, TokenPruning::Branch::ffn);
    normed = kernels::gated_modulated_norm(
        x, mapped, modulation.gamma2,
        last ? generation.head : generation.modulations[blocks[j + 1]].before_attention(), options_.norm_eps,
        last ? at::kFloat : type_);
    if (generation.trace != nullptr)
      generation.trace->emplace_back("block" + std::to_string(blocks[j]), x.clone());
  }
  return normed.narrow(1, normed.size(1) - last_tokens, last_tokens);
}

at::Tensor Var::guided_logits(const VarGeneration& generation, const at::Tensor& hidden, double t) const {
  if (!generation.guided) return head_->forward(hidden);
  const int64_t batch = hidden.size(0) / 2;
  const auto with_class = hidden.narrow(0, 0, batch), without = hidden.narrow(0, batch, batch);
  return head_->forward(t == 0.0 ? with_class : nn::guided_beyond(with_class, without, t));
}

void Var::initialise(double gamma_factor) {
  const torch::NoGradGuard no_grad;
  const double stddev = std::sqrt(1.0 / static_cast<double>(3 * options_.embed_dim));
  // The official bounds of +-2 lie many standard deviations away: a plain normal distribution.
  for (const auto& table : {pos_start_, pos_1LC_, class_emb_, lvl_embed_}) table.normal_(0.0, stddev);
  for (const auto& part : modules(/*include_self=*/false)) {
    const auto* layer = dynamic_cast<const nn::LinearLayer*>(part.get());
    if (layer == nullptr) continue;
    layer->weight().normal_(0.0, stddev);
    if (layer->bias().defined()) layer->bias().zero_();
  }
  if (head_ != nullptr) head_->weight().mul_(0.02);
  head_nm_->map().weight().mul_(0.5);
  const double depth_factor = std::sqrt(2.0 * static_cast<double>(blocks_.size()));
  for (const auto& block : blocks_) {
    block->attention().proj().weight().div_(depth_factor);
    block->ffn().fc2().weight().div_(depth_factor);
    block->initialise_modulation(gamma_factor);
  }
}

void Var::set_type(at::ScalarType type) {
  type_ = type;
  for (const auto& block : blocks_) nn::set_linear_type(*block, type);
}

std::vector<int64_t> Var::all_blocks() const {
  std::vector<int64_t> blocks(blocks_.size());
  std::iota(blocks.begin(), blocks.end(), 0);
  return blocks;
}

}  // namespace arzoo::image
