#include "image/llamagen_stream.h"

#include <torch/torch.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "kernels/attention.h"
#include "nn/packed_sequences.h"
#include "nn/token_sampler.h"

namespace arzoo::image {
namespace {

at::Tensor joined(const at::Tensor& a, const at::Tensor& b) {
  return a.defined() ? at::cat({a, b}) : at::Tensor();
}

void check(const LlamaGen& model, const LlamaGenCondition& condition, const LlamaGenGuidance& guidance) {
  const auto& options = model.options();
  if (guidance.any() && !options.can_guide())
    fail<UsageError>(
        "--cfg: {}, but the model was trained without a null class (class_dropout_prob 0): "
        "expected at most 1",
        guidance.cfg);
  if (condition.labels.defined() == options.by_caption())
    fail<UsageError>("llamagen: the model generates from {}", options.by_caption() ? "captions" : "classes");
  if (!condition.labels.defined()) return;
  const int64_t most = options.num_classes - (options.can_guide() ? 0 : 1);
  if (condition.batch() == 0 || condition.labels.min().item<int64_t>() < 0 ||
      condition.labels.max().item<int64_t>() > most)
    fail<UsageError>("llamagen: classes must be a list of numbers in 0..{}", most);
}

LlamaGenCondition both_halves(const LlamaGen& model, const LlamaGenCondition& condition,
                              const LlamaGenGuidance& guidance) {
  check(model, condition, guidance);
  if (!guidance.any()) return condition;
  const auto null = model.without(condition);
  return {.labels = joined(condition.labels, null.labels),
          .captions = joined(condition.captions, null.captions),
          .caption_mask = joined(condition.caption_mask, null.caption_mask)};
}

}  // namespace

LlamaGenStream::LlamaGenStream(const LlamaGen& model, const LlamaGenCondition& condition,
                               const LlamaGenGuidance& guidance)
    : model_(model),
      condition_(both_halves(model, condition, guidance)),
      guidance_(guidance),
      cache_(model.options().n_layer, model.options().cls_token_num + model.options().block_size) {}

at::Tensor LlamaGenStream::doubled(const at::Tensor& ids) const {
  return guidance_.any() ? ids.repeat({2, 1}) : ids;
}

at::Tensor LlamaGenStream::guided_logits(const at::Tensor& states, const std::vector<int64_t>& tokens) const {
  if (!guidance_.any()) return model_.logits_of(states);
  const bool all = std::all_of(tokens.begin(), tokens.end(), [&](int64_t t) { return guidance_.guides(t); });
  const bool none =
      std::none_of(tokens.begin(), tokens.end(), [&](int64_t t) { return guidance_.guides(t); });
  const auto halves = states.chunk(2, 0);
  if (none) return model_.logits_of(halves[0]);
  const auto both = model_.logits_of(states).chunk(2, 0);
  const auto guided = nn::guided(both[0], both[1], guidance_.cfg);
  if (all) return guided;
  std::vector<uint8_t> flags;
  for (const int64_t token : tokens) flags.push_back(guidance_.guides(token) ? 1 : 0);
  const auto wanted = at::tensor(at::ArrayRef<uint8_t>(flags), at::kByte).to(states.device(), at::kBool);
  return at::where(wanted.view({1, -1, 1}), guided, both[0]);
}

at::Tensor LlamaGenStream::run(const at::Tensor& x, nn::DecoderPass pass,
                               const std::vector<int64_t>& tokens) {
  pass.cache = &cache_;
  const auto& mask = condition_.caption_mask;
  if (mask.defined() && !pass.bias.defined()) {
    const int64_t rest = cache_.length() + x.size(1) - mask.size(1);
    pass.attention_mask = at::constant_pad_nd(mask, {0, rest}, 1);
  }
  states_ = model_.normed(model_.pass(x, pass));
  ++passes_;
  return guided_logits(states_, tokens);
}

at::Tensor LlamaGenStream::begin() {
  const auto x = model_.condition_tokens(condition_);
  const int64_t before = x.size(1);
  std::vector<int64_t> tokens(static_cast<std::size_t>(before), 0);
  return run(x, {}, tokens).select(1, before - 1);
}

at::Tensor LlamaGenStream::read(const at::Tensor& ids) {
  std::vector<int64_t> tokens(static_cast<std::size_t>(ids.size(1)));
  std::iota(tokens.begin(), tokens.end(), length() + 1);
  const auto all = doubled(ids);
  return run(model_.embedded(all), {.value_rows = model_.value_rows(all)}, tokens);
}

at::Tensor LlamaGenStream::tree_bias(const nn::DraftTree& tree) const {
  if (tree.is_chain() && !condition_.caption_mask.defined()) return {};  // causal
  const int64_t nodes = tree.size(), past = cache_.length();
  const auto& like = model_.embedding();
  auto all = tree.visible(past).view({1, 1, nodes, past + nodes});
  if (const auto& mask = condition_.caption_mask; mask.defined()) {
    const auto padded = at::constant_pad_nd(mask, {0, past + nodes - mask.size(1)}, 1).ne(0).cpu();
    all = all.logical_and(padded.view({padded.size(0), 1, 1, past + nodes}));
  }
  return at::zeros(all.sizes(), like.options().requires_grad(false))
      .masked_fill_(all.logical_not().to(like.device()), -std::numeric_limits<double>::infinity());
}

at::Tensor LlamaGenStream::run_together(const std::vector<Part>& parts, const at::Tensor& x,
                                        const at::Tensor& places, const std::vector<int64_t>& tokens,
                                        std::vector<at::Tensor> value_rows) {
  std::vector<nn::CachedSequence> sequences;
  for (const auto& part : parts) sequences.push_back({part.tokens, &part.stream->cache_, part.bias});
  const auto& one = *parts.front().stream;
  auto pass = nn::packed_pass(std::move(sequences), places.to(x.device()));
  pass.value_rows = std::move(value_rows);
  const auto states = one.model_.normed(one.model_.pass(x, pass));
  int64_t begin = 0;
  for (const auto& part : parts) {
    part.stream->states_ = states.narrow(1, begin, part.tokens);
    ++part.stream->passes_;
    begin += part.tokens;
  }
  return one.guided_logits(states, tokens);
}

at::Tensor LlamaGenStream::begin_together(const std::vector<LlamaGenStream*>& streams) {
  const int64_t before = streams.front()->model_.options().cls_token_num;
  const auto count = static_cast<int64_t>(streams.size());
  std::vector<Part> parts;
  std::vector<at::Tensor> x;
  for (auto* stream : streams) {
    x.push_back(stream->model_.condition_tokens(stream->condition_));
    const auto& mask = stream->condition_.caption_mask;
    const auto bias =
        mask.defined() ? kernels::causal_bias(before, before, mask, x.back().options()) : at::Tensor();
    parts.push_back({stream, before, bias});
  }
  const std::vector<int64_t> tokens(static_cast<std::size_t>(count * before), 0);
  const auto logits =
      run_together(parts, at::cat(x, 1), at::arange(before, at::kLong).repeat({count}), tokens, {});
  return logits[0].unflatten(0, {count, before}).select(1, before - 1);
}

at::Tensor LlamaGenStream::read_together(const std::vector<LlamaGenStream*>& streams,
                                         const std::vector<nn::DraftTree>& trees) {
  const auto& one = *streams.front();
  const int64_t before = one.model_.options().cls_token_num, end = one.model_.options().block_size;
  std::vector<int64_t> ids, places, tokens;
  std::vector<Part> parts;
  for (std::size_t i = 0; i < trees.size(); ++i) {
    const auto& tree = trees[i];
    if (tree.size() == 0) continue;
    auto& stream = *streams.at(i);
    ids.insert(ids.end(), tree.tokens.begin(), tree.tokens.end());
    for (const int64_t depth : tree.depths()) {
      const int64_t place = stream.length() + depth;
      tokens.push_back(place + 1);
      places.push_back(place < end ? before + place : 0);
    }
    parts.push_back({&stream, tree.size(), stream.tree_bias(tree)});
  }
  const auto all = one.doubled(at::tensor(ids, at::kLong).unsqueeze(0).to(one.device()));
  return run_together(parts, one.model_.embedded(all), at::tensor(places, at::kLong), tokens,
                      one.model_.value_rows(all))
      .select(0, 0);
}

void LlamaGenStream::keep(int64_t length, const std::vector<int64_t>& nodes) {
  const int64_t before = model_.options().cls_token_num + length;
  const auto kept = static_cast<int64_t>(nodes.size());
  if (kept == 0 || nodes.back() == kept - 1) return cache_.truncate(before + kept);
  std::vector<int64_t> places;
  for (const int64_t node : nodes) places.push_back(before + node);
  cache_.keep_tokens(before, at::tensor(places, at::kLong));
}

int64_t LlamaGenStream::cache_bytes() const {
  int64_t bytes = 0;
  for (const auto& layer : cache_.layers) bytes += layer.bytes();
  return bytes;
}

}  // namespace arzoo::image
