#include "nn/transformer_block.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <cmath>
#include <initializer_list>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <utility>

#include "kernels/dropout.h"
#include "kernels/hidden_layer.h"
#include "kernels/mesa_attention.h"
#include "kernels/rms_norm.h"
#include "kernels/silu_gated.h"
#include "nn/gated_feed_forward.h"
#include "nn/value_embeddings.h"

namespace arzoo::nn {
namespace {

using kernels::Activation;
using kernels::AttentionMode;

/// The table's entry of this name.
template <class Part>
Part part_named(const std::string& name, std::string_view kind,
                std::initializer_list<std::pair<std::string_view, Part>> table) {
  for (const auto& [known, part] : table) {
    if (known == name) return part;
  }
  throw std::logic_error(fmt::format("no {} is called \"{}\"", kind, name));
}

at::Tensor layer_norm(const at::Tensor& x, const Affine& weights, double eps) {
  return at::layer_norm(x, {x.size(-1)}, weights.weight, weights.bias, eps);
}

at::Tensor root_mean_square_norm(const at::Tensor& x, const Affine& weights, double eps) {
  return kernels::rms_norm(x, weights.weight, eps);
}

/// Primer's: the mean of x (x - m) stands for the variance (So et al. 2021, Sec. 3).
at::Tensor primer_norm(const at::Tensor& x, const Affine& weights, double eps) {
  const auto centred = x - x.mean(-1, /*keepdim=*/true);
  const auto normed = centred * at::rsqrt((x * centred).mean(-1, /*keepdim=*/true) + eps) * weights.weight;
  return weights.bias.defined() ? normed + weights.bias : normed;
}

/// The attention's probabilities, rounded where the official code rounds them: in bf16 the kernel, which does
/// not write them down, is the more exact one.
at::Tensor probabilities(const at::Tensor& q, const at::Tensor& k, const AttentionMode& mode) {
  auto scores = at::matmul(q, k.transpose(-2, -1));
  scores = mode.scale > 0.0 ? scores * mode.scale : scores / std::sqrt(static_cast<double>(q.size(-1)));
  if (mode.bias.defined()) {
    scores = scores + mode.bias;
  } else if (mode.causal) {
    scores = scores + kernels::causal_bias(q.size(-2), k.size(-2), {}, q.options());
  }
  return at::softmax(scores, -1, at::kFloat).to(q.scalar_type());
}

at::Tensor softmax_mix(const QkvHeads& heads, const BlockWeights&, const AttentionMode& mode,
                       BlockTrace* trace) {
  const auto& [q, k, v] = heads;
  const int64_t groups = k.size(1), times = q.size(1) / groups;
  if (trace != nullptr) {
    trace->attention = probabilities(q, repeat_heads(k, times), mode);
    return at::matmul(trace->attention, repeat_heads(v, times));
  }
  // The one query of a step of generation sees every key: its heads are the queries of their group, and the
  // cache is read where it lies.
  if (times > 1 && q.size(2) == 1 && (!mode.bias.defined() || mode.bias.size(1) == 1)) {
    auto one = mode;
    one.causal = false;
    return kernels::attention(q.reshape({q.size(0), groups, times, q.size(3)}), k, v, one)
        .reshape({q.size(0), q.size(1), 1, v.size(3)});
  }
  return kernels::attention(q, repeat_heads(k, times), repeat_heads(v, times), mode);
}

at::Tensor linear_mix(const QkvHeads& heads, const BlockWeights&, const AttentionMode&, BlockTrace* trace) {
  const int64_t times = heads.q.size(1) / heads.k.size(1);
  const auto k = repeat_heads(heads.k, times), v = repeat_heads(heads.v, times);
  if (trace != nullptr) trace->attention = kernels::linear_attention_weights(heads.q, k);
  return kernels::linear_attention(heads.q, k, v);
}

at::Tensor mesa_mix(const QkvHeads& heads, const BlockWeights& weights, const AttentionMode&, BlockTrace*) {
  const int64_t times = heads.q.size(1) / heads.k.size(1);
  return kernels::mesa_attention(heads.q, repeat_heads(heads.v, times), repeat_heads(heads.k, times),
                                 weights.lambdas);
}

template <Activation kBy>
at::Tensor plain_layer(const at::Tensor& x, const BlockWeights& weights, double dropout,
                       const BlockPass& pass) {
  const auto& up = weights.up;
  const auto hidden = up.structure != nullptr
                          ? kernels::dropout(linear(x, up, kBy), dropout, pass.training)
                          : kernels::hidden_layer(x, up.weight, up.bias, kBy, dropout, pass.training);
  return linear(hidden, weights.down);
}

/// With an activation that no kernel has.
template <at::Tensor (*kBy)(const at::Tensor&)>
at::Tensor pointwise_layer(const at::Tensor& x, const BlockWeights& weights, double dropout,
                           const BlockPass& pass) {
  return linear(kernels::dropout(kBy(linear(x, weights.up)), dropout, pass.training), weights.down);
}

at::Tensor by_tanh(const at::Tensor& x) { return at::tanh(x); }
at::Tensor by_softplus(const at::Tensor& x) { return at::softplus(x); }
at::Tensor by_sofu(const at::Tensor& x) { return at::softmax(x, -1) * x; }
at::Tensor by_squared_relu(const at::Tensor& x) { return at::relu(x).square(); }
at::Tensor by_quick_gelu(const at::Tensor& x) { return x * at::sigmoid(1.702 * x); }

at::Tensor gated_layer(const at::Tensor& x, const BlockWeights& weights, double, const BlockPass&) {
  return gated_feed_forward(x, weights.gate, weights.up, weights.down);
}

/// A gated layer whose gate and hidden units are the halves of one map.
at::Tensor gated_halves_layer(const at::Tensor& x, const BlockWeights& weights, double, const BlockPass&) {
  const auto halves = linear(x, weights.up).chunk(2, -1);
  return linear(kernels::silu_gated(halves[0].contiguous(), halves[1].contiguous()), weights.down);
}

at::Tensor expert_layer(const at::Tensor& x, const BlockWeights& weights, double, const BlockPass& pass) {
  Routing* const routing = pass.trace != nullptr ? &pass.trace->routing : pass.routing;
  const auto mixed = weights.experts->forward(x.flatten(0, 1), routing).view(x.sizes());
  if (pass.trace != nullptr && pass.routing != nullptr) *pass.routing = *routing;
  return mixed;
}

/// x with the first channels of each head rotated.
at::Tensor rotated(const at::Tensor& x, const kernels::RopeAngles& angles) {
  const int64_t turned = 2 * angles.cos.size(-1), rest = x.size(-1) - turned;
  // Under autocast heads are narrower than the tokens that the angles were made for.
  const kernels::RopeAngles own{angles.cos.to(x.scalar_type()), angles.sin.to(x.scalar_type()),
                                angles.interleaved};
  if (rest == 0) return kernels::apply_rope(x, own);
  return at::cat({kernels::apply_rope(x.narrow(-1, 0, turned), own), x.narrow(-1, turned, rest)}, -1);
}

}  // namespace

TransformerBlock::TransformerBlock(const BlockOptions& options)
    : options_(options),
      // Blocks without norms may still have one of the output, a layer norm.
      norm_(part_named<Norm>(options.norm, "norm",
                             {{"layer_norm", &layer_norm},
                              {"rms_norm", &root_mean_square_norm},
                              {"primer_norm", &primer_norm},
                              {"none", &layer_norm}})),
      mix_(part_named<Mix>(options.attention, "attention",
                           {{"softmax", &softmax_mix}, {"linear", &linear_mix}, {"mesa", &mesa_mix}})),
      feed_forward_(part_named<FeedForward>(options.feed_forward, "feed-forward layer",
                                            {{"none", nullptr},
                                             {"gelu", &plain_layer<Activation::gelu>},
                                             {"gelu_tanh", &plain_layer<Activation::gelu_tanh>},
                                             {"relu", &plain_layer<Activation::relu>},
                                             {"silu", &plain_layer<Activation::silu>},
                                             {"squared_relu", &pointwise_layer<&by_squared_relu>},
                                             {"quick_gelu", &pointwise_layer<&by_quick_gelu>},
                                             {"tanh", &pointwise_layer<&by_tanh>},
                                             {"softplus", &pointwise_layer<&by_softplus>},
                                             {"sofu", &pointwise_layer<&by_sofu>},
                                             {"gated", &gated_layer},
                                             {"gated_halves", &gated_halves_layer},
                                             {"experts", &expert_layer}})),
      residual_(part_named<Residual>(
          options.residual, "residual",
          {{"pre_norm", {.reads_normed = true, .adds_to_normed = false}},
           {"normalised", {.reads_normed = true, .adds_to_normed = true}},
           {"beside", {.reads_normed = false, .adds_to_normed = true}},
           {"parallel", {.reads_normed = true, .adds_to_normed = false, .parallel = true}},
           {"primer", {.reads_normed = true, .adds_to_normed = false, .norms_fed = true}},
           {"post_norm", {.reads_normed = false, .adds_to_normed = false, .norms_sums = true}}})) {
  if (options_.kv_heads == 0) options_.kv_heads = options_.heads;
}

at::Tensor TransformerBlock::norm(const at::Tensor& x, const Affine& weights) const {
  return weights.weight.defined() ? norm_(x, weights, options_.norm_eps) : x;
}

QkvHeads TransformerBlock::projected(const at::Tensor& x, const BlockWeights& weights,
                                     const BlockPass& pass) const {
  auto heads = weights.value_taps.defined() ? with_convolutions(x, weights, pass)
               : weights.qkv.defined()
                   ? split_qkv(linear(x, weights.qkv), options_.heads, options_.kv_heads, options_.fused)
                   : QkvHeads{split_heads(linear(x, weights.query), options_.heads),
                              split_heads(linear(x, weights.key), options_.kv_heads),
                              split_heads(linear(x, weights.value), options_.kv_heads)};
  if (pass.angles.cos.defined()) {
    heads.q = rotated(heads.q, pass.angles);
    heads.k = rotated(heads.k, pass.angles);
  }
  if (weights.move_gate.defined())
    heads.v = with_value_embeddings(heads.v, linear(x, {weights.move_gate, {}}), pass.value_rows);
  if (pass.cache != nullptr) {
    std::tie(heads.k, heads.v) = pass.place.defined() ? pass.cache->append_at(heads.k, heads.v, pass.place)
                                                      : pass.cache->append(heads.k, heads.v);
  }
  if (pass.queries.defined()) {
    const auto& q = heads.q;
    const auto index = pass.queries.view({q.size(0), 1, -1, 1});
    heads.q = q.gather(2, index.expand({q.size(0), q.size(1), index.size(2), q.size(3)}));
  }
  return heads;
}

QkvHeads TransformerBlock::with_convolutions(const at::Tensor& x, const BlockWeights& weights,
                                             const BlockPass& pass) const {
  ConvolutionStates fresh;
  auto& states = pass.convolutions != nullptr ? *pass.convolutions : fresh;
  const bool shared = weights.query_of_key.defined();
  const auto key = causal_convolution(linear(x, weights.key), weights.key_taps, states.key);
  const auto query = shared ? linear(key, weights.query_of_key)
                            : causal_convolution(linear(x, weights.query), weights.query_taps, states.query);
  const auto value = causal_convolution(linear(x, weights.value), weights.value_taps, states.value);
  return {split_heads(query, options_.heads), split_heads(key, options_.kv_heads),
          split_heads(value, options_.kv_heads)};
}

at::Tensor TransformerBlock::attention(const at::Tensor& x, const BlockWeights& weights,
                                       const BlockPass& pass) const {
  const auto heads = projected(x, weights, pass);
  if (pass.trace != nullptr) {
    pass.trace->keys = heads.k;
    pass.trace->values = heads.v;
  }
  const AttentionMode mode{.causal = options_.causal && !pass.bias.defined(),
                           .dropout = options_.attention_dropout,
                           .training = pass.training,
                           .scale = options_.attention_scale,
                           .bias = pass.bias};
  const auto mixed = pass.mix ? pass.mix(heads, x) : mix_(heads, weights, mode, pass.trace);
  const auto added = linear(merge_heads(mixed), weights.projection);
  return pass.thinned ? pass.thinned(Branch::attention, added) : added;
}

at::Tensor TransformerBlock::feed_forward(const at::Tensor& x, const BlockWeights& weights,
                                          const BlockPass& pass) const {
  const auto added = feed_forward_(x, weights, options_.dropout, pass);
  return pass.thinned ? pass.thinned(Branch::feed_forward, added) : added;
}

at::Tensor TransformerBlock::sum(const at::Tensor& x, const at::Tensor& branch, const at::Tensor& scale,
                                 const BlockPass& pass) const {
  return kernels::residual_dropout(x, scale.defined() ? scale * branch : branch, options_.dropout,
                                   pass.training);
}

at::Tensor TransformerBlock::forward(const at::Tensor& x, const BlockWeights& weights,
                                     const BlockPass& pass) const {
  if (residual_.norms_sums) {
    const auto middle = norm(sum(x, attention(x, weights, pass), weights.scale_1, pass), weights.norm_1);
    return norm(sum(middle, feed_forward(middle, weights, pass), weights.scale_2, pass), weights.norm_2);
  }
  const auto normed = norm(x, weights.norm_1);
  const auto attended = attention(residual_.reads_normed ? normed : x, weights, pass);
  if (pass.trace != nullptr) {
    pass.trace->normed = normed;
    pass.trace->attended = attended;
  }
  const auto middle = sum(residual_.adds_to_normed ? normed : x, attended, weights.scale_1, pass);
  if (feed_forward_ == nullptr) return middle;
  if (residual_.norms_fed) {
    const auto fed = norm(feed_forward(middle, weights, pass), weights.norm_2);
    if (pass.trace != nullptr) pass.trace->fed = fed;
    return sum(middle, fed, weights.scale_2, pass);
  }
  const auto& from = residual_.parallel ? x : middle;
  const auto normed_2 = norm(from, weights.norm_2);
  const auto fed = feed_forward(residual_.reads_normed ? normed_2 : from, weights, pass);
  if (pass.trace != nullptr) pass.trace->fed = fed;
  return sum(residual_.adds_to_normed ? normed_2 : middle, fed, weights.scale_2, pass);
}

}  // namespace arzoo::nn
