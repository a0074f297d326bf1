#include "nn/decoder.h"

#include <torch/torch.h>

#include <algorithm>
#include <stdexcept>

#include "nn/position_table.h"
#include "nn/rope_scaling.h"
#include "runtime/recompute.h"

namespace arzoo::nn {
namespace {

BlockOptions block_options(const DecoderOptions& options) {
  return {.heads = options.n_head,
          .kv_heads = options.kv_heads(),
          .fused = options.fused_by_head ? FusedHeads::by_head : FusedHeads::by_part,
          .causal = true,
          .attention = options.attention,
          .feed_forward = options.feed_forward,
          .norm = options.norm,
          .residual = options.residual,
          .norm_eps = options.layer_norm_epsilon,
          .attention_scale = options.attention_scale,
          .attention_dropout = options.attention_dropout,
          .dropout = options.dropout};
}

/// The rows of a table, [places, C], at the tokens' places: [T, C] or [B, T, C].
at::Tensor rows_at(const at::Tensor& table, const Decoder::Places& places) {
  return places.ids.defined() ? at::embedding(table, places.ids)
                              : table.narrow(0, places.first, places.count);
}

at::Tensor with_learned(const at::Tensor& x, const DecoderWeights& weights, const Decoder::Places& places) {
  return x + rows_at(weights.positions, places);
}

at::Tensor with_sinusoidal(const at::Tensor& x, const DecoderWeights&, const Decoder::Places& places) {
  const int64_t length =
      places.ids.defined() ? places.ids.max().item<int64_t>() + 1 : places.first + places.count;
  return x + rows_at(position_table(length, x.size(2)), places).to(x.options());
}

Decoder::Positions positions_named(const std::string& name) {
  if (name == "learned") return &with_learned;
  if (name == "sinusoidal") return &with_sinusoidal;
  return nullptr;
}

/// Those of a table of all places.
kernels::RopeAngles angles_at(const kernels::RopeAngles& table, const Decoder::Places& places,
                              const at::TensorOptions& options) {
  const auto own = [&](const at::Tensor& all) {
    const auto rows = rows_at(all[0][0], places).to(options);
    return (rows.dim() == 2 ? rows.unsqueeze(0) : rows).unsqueeze(1);  // [B or 1, 1, T, E/2]
  };
  return {own(table.cos), own(table.sin), table.interleaved};
}

}  // namespace

int64_t DecoderCache::length() const {
  int64_t longest = 0;
  for (const auto& layer : layers) longest = std::max(longest, layer.length());
  return longest;
}

void DecoderCache::truncate(int64_t length) {
  for (const auto& states : convolutions) {
    if (states.value.defined() && length != this->length())
      throw std::logic_error("a cache with convolutions has forgotten what lies before its last tokens");
  }
  for (auto& layer : layers) layer.truncate(length);
}

void DecoderCache::keep_tokens(int64_t length, const at::Tensor& places) {
  for (auto& layer : layers) layer.keep_tokens(length, places);
}

void DecoderCache::select_rows(const at::Tensor& rows) {
  step.reset();  // it is of as many rows as there were
  for (auto& layer : layers) layer.select_rows(rows);
  for (auto& states : convolutions) {
    for (auto* state : {&states.query, &states.key, &states.value}) {
      if (state->defined()) *state = state->index_select(0, rows);
    }
  }
}

Decoder::Decoder(const DecoderOptions& options)
    : block_(block_options(options)),
      add_positions_(positions_named(options.positions)),
      has_cache_(options.attention == "softmax"),
      rotary_(options.positions == "rotary"),
      experts_(options.feed_forward == "experts"),
      interleaved_(options.rope_interleaved),
      rotary_width_(options.rotary_width()),
      rope_theta_(options.rope_theta),
      rope_scaling_(options.rope_scaling),
      relative_{options.relative_buckets, options.relative_distance} {}

kernels::RopeAngles Decoder::scaled_angles(const at::Tensor& ids, const Places& places,
                                           at::ScalarType type) const {
  const int64_t length = places.ids.defined() ? ids.max().item<int64_t>() + 1 : places.first + places.count;
  return kernels::rope_angles(
      ids, scaled_frequencies(rope_scaling_, rotary_width_, rope_theta_, length, ids.options()), type,
      rope_scaling_.attention());
}

BlockPass Decoder::block_pass(const at::Tensor& x, const DecoderWeights& weights, const DecoderPass& pass,
                              const Places& places) const {
  BlockPass block;
  block.training = pass.training;
  if (rotary_ && weights.rotary.cos.defined()) {
    block.angles = angles_at(weights.rotary, places, x.options());
  } else if (rotary_) {
    const auto ids = places.ids.defined() ? places.ids
                                          : at::arange(places.first, places.first + places.count,
                                                       x.options().dtype(at::kLong));
    block.angles = rope_scaling_.any()
                       ? scaled_angles(ids, places, x.scalar_type())
                       : kernels::rope_angles(ids, rotary_width_, rope_theta_, x.scalar_type());
    block.angles.interleaved = interleaved_;
  }
  block.bias = pass.bias;
  if (pass.attention_mask.defined() && !pass.bias.defined())
    block.bias =
        kernels::causal_bias(x.size(1), pass.attention_mask.size(1), pass.attention_mask, x.options());
  if (weights.relative_bias.defined()) {
    const int64_t keys = places.first + places.count;
    if (!block.bias.defined()) block.bias = kernels::causal_bias(x.size(1), keys, {}, x.options());
    block.bias = block.bias + relative_.of(weights.relative_bias, x.size(1), keys).to(x.scalar_type());
  }
  return block;
}

/// A block of which the backward pass computes all but the inputs again.
at::Tensor Decoder::recomputed(const at::Tensor& x, const BlockWeights& weights,
                               const BlockPass& pass) const {
  const bool routes = pass.routing != nullptr;
  const auto run = [this, weights, pass, routes](const std::vector<at::Tensor>& inputs) {
    Routing routing;
    auto own = pass;
    own.bias = inputs[1];
    own.value_rows = inputs[2];
    own.routing = routes ? &routing : nullptr;
    std::vector<at::Tensor> outputs{block_.forward(inputs[0], weights, own)};
    if (routes) outputs.insert(outputs.end(), {routing.logits, routing.experts, routing.weights});
    return outputs;
  };
  const auto outputs = runtime::recomputed({x, pass.bias, pass.value_rows}, run);
  if (routes) *pass.routing = {outputs[1], outputs[2], outputs[3]};
  return outputs[0];
}

/// A recorded pass of one token: on these weights, into storage that lies where it lay.
struct DecoderStep {
  std::vector<const void*> storage;  ///< of each layer's cache
  at::Tensor place;                  ///< [1] long
  runtime::StepGraph graph;
};

/// Whether a pass is one token behind others and nothing in it asks the device for a number.
bool Decoder::can_record(const at::Tensor& x, const DecoderWeights& weights, const DecoderPass& pass) const {
  if (pass.cache == nullptr || x.size(1) != 1 || pass.cache->length() == 0 || at::GradMode::is_enabled())
    return false;
  const bool plain = pass.trace == nullptr && pass.routing == nullptr && !pass.training && !pass.thinned &&
                     !pass.mix && !pass.around && pass.value_rows.empty() && !pass.bias.defined() &&
                     !pass.attention_mask.defined() && !pass.position_ids.defined();
  const bool convolves = std::any_of(weights.blocks.begin(), weights.blocks.end(),
                                     [](const auto& block) { return block.value_taps.defined(); });
  return plain && !convolves && !experts_ && !rope_scaling_.any() && !weights.relative_bias.defined() &&
         add_positions_ != &with_sinusoidal;
}

at::Tensor Decoder::step_at(const at::Tensor& x, const DecoderWeights& weights, DecoderCache& cache,
                            const at::Tensor& place) const {
  const Places places{0, 1, place};
  auto hidden = add_positions_ == nullptr ? x : add_positions_(x, weights, places);
  const int64_t capacity = cache.layers.front().capacity();
  const auto there = at::arange(capacity, place.options()).unsqueeze(0).le(place);  // [1, capacity]
  auto block = block_pass(hidden, weights, {.attention_mask = there, .position_ids = place}, places);
  block.place = place;
  for (std::size_t layer = 0; layer < weights.blocks.size(); ++layer) {
    block.cache = &cache.layers.at(layer);
    hidden = block_.forward(hidden, weights.blocks[layer], block);
  }
  return block_.norm(hidden, weights.norm);
}

at::Tensor Decoder::recorded_step(const at::Tensor& x, const DecoderWeights& weights, DecoderCache& cache,
                                  const runtime::RecorderFunction& recorder) const {
  std::vector<const void*> storage;
  for (auto& layer : cache.layers) storage.push_back(layer.reserve_token());
  if (cache.step == nullptr || cache.step->storage != storage) {
    const auto place = at::empty({1}, x.options().dtype(at::kLong));
    cache.step = std::make_shared<DecoderStep>(DecoderStep{storage, place, runtime::StepGraph(recorder)});
  }
  auto& step = *cache.step;
  step.place.fill_(cache.length());
  const auto out = step.graph.run({x, step.place}, [&](const std::vector<at::Tensor>& given) {
    return step_at(given[0], weights, cache, given[1]);
  });
  for (auto& layer : cache.layers) layer.advance();
  return out.clone();
}

at::Tensor Decoder::forward(const at::Tensor& x, const DecoderWeights& weights,
                            const DecoderPass& pass) const {
  if (pass.cache != nullptr && !has_cache_)
    throw std::logic_error("a decoder's cache is for softmax attention");
  if (can_record(x, weights, pass)) {
    const auto recorder = pass.cache->recorder ? pass.cache->recorder : runtime::recorder_on(x.device());
    if (recorder) return recorded_step(x, weights, *pass.cache, recorder);
  }
  const int64_t past = pass.cache == nullptr ? 0 : pass.cache->length();
  const Places places{past, x.size(1), pass.position_ids};
  auto hidden = add_positions_ == nullptr ? x : add_positions_(x, weights, places);
  auto block = block_pass(hidden, weights, pass, places);
  if (pass.trace != nullptr) pass.trace->hidden.push_back(hidden);
  for (std::size_t layer = 0; layer < weights.blocks.size(); ++layer) {
    if (pass.cache != nullptr) {
      block.cache = &pass.cache->layers.at(layer);
      block.convolutions = &pass.cache->convolutions.at(layer);
    }
    if (!pass.value_rows.empty())
      block.value_rows = pass.value_rows.at(pass.value_rows.size() == 1 ? 0 : layer);
    if (pass.thinned)
      block.thinned = [thinned = pass.thinned, layer](Branch branch, const at::Tensor& added) {
        return thinned(layer, branch, added);
      };
    if (pass.mix)
      block.mix = [mix = pass.mix, layer](const QkvHeads& heads, const at::Tensor& read) {
        return mix(layer, heads, read);
      };
    if (pass.trace != nullptr) block.trace = &pass.trace->blocks.emplace_back();
    if (pass.routing != nullptr && experts_) block.routing = &pass.routing->emplace_back();
    const auto run = [&](const at::Tensor& tokens) {
      const bool again = runtime::recomputes() && pass.cache == nullptr && pass.trace == nullptr;
      return again ? recomputed(tokens, weights.blocks[layer], block)
                   : block_.forward(tokens, weights.blocks[layer], block);
    };
    hidden = pass.around ? pass.around(layer, hidden, run) : run(hidden);
    if (pass.trace != nullptr) pass.trace->hidden.push_back(hidden);
  }
  return block_.norm(hidden, weights.norm);
}

}  // namespace arzoo::nn
