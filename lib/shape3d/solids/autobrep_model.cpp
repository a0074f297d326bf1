#include "shape3d/solids/autobrep_model.h"

#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "kernels/dropout.h"
#include "kernels/linear.h"
#include "nn/storage_type.h"

namespace arzoo::shape3d {
namespace {

constexpr int64_t kUncounted = 4;  // predictions of the prompt
constexpr double kSmallestNorm = 1e-24;
constexpr double kEmbeddingDeviation = 1e-5;

int64_t rotary_channels(const AutobrepOptions& options) {
  return std::max<int64_t>(options.dim_head / 2, 32);
}

nn::DecoderOptions brep_decoder(const AutobrepOptions& options) {
  nn::DecoderOptions decoder;
  decoder.n_embd = options.dim;
  decoder.n_layer = options.depth;
  decoder.n_head = options.heads;
  decoder.head_dim = options.dim_head;
  decoder.n_kv_head = options.kv_groups;
  decoder.feed_forward = "gated";
  decoder.norm = "rms_norm";
  decoder.layer_norm_epsilon = kSmallestNorm;
  decoder.positions = "rotary";
  decoder.rotary_part = static_cast<double>(rotary_channels(options)) / static_cast<double>(options.dim_head);
  decoder.rope_interleaved = true;
  decoder.attention_dropout = options.dropout;
  decoder.bias = false;
  return decoder;
}

std::shared_ptr<torch::nn::Module> child(torch::nn::Module& owner, const std::string& name) {
  return owner.register_module(name, std::make_shared<torch::nn::Module>());
}

at::Tensor map_in(torch::nn::Module& owner, const std::string& name, int64_t in, int64_t out) {
  return child(owner, name)->register_parameter("weight", at::empty({out, in}));
}

}  // namespace

BrepVocabulary vocabulary_of(const AutobrepOptions& options) {
  return {options.bit, options.max_face, options.surf_codebook_size, options.edge_codebook_size};
}

Autobrep::Autobrep(const AutobrepOptions& options) : options_(options), decoder_(brep_decoder(options)) {
  const int64_t width = options.dim, tokens = vocabulary_of(options).size();
  const auto net = child(*child(*this, "ar_decoder"), "net");
  embedding_ = map_in(*child(*net, "token_emb"), "emb", width, tokens);
  const auto attn_layers = child(*net, "attn_layers");
  const auto layers = child(*attn_layers, "layers");
  const int64_t heads = options.heads * options.dim_head, groups = options.kv_groups * options.dim_head;
  for (int64_t i = 0; i < options.depth; ++i) {
    Layer layer;
    const auto attention = child(*child(*layers, std::to_string(2 * i)), "1");
    layer.to_q = map_in(*attention, "to_q", width, heads);
    layer.to_k = map_in(*attention, "to_k", width, groups);
    layer.to_v = map_in(*attention, "to_v", width, groups);
    layer.to_out = map_in(*attention, "to_out", heads, width);
    const auto feed = child(*child(*child(*layers, std::to_string(2 * i + 1)), "1"), "ff");
    const auto proj = child(*child(*feed, "0"), "proj");
    layer.gated = proj->register_parameter("weight", at::empty({8 * width, width}));
    layer.gated_bias = proj->register_parameter("bias", at::empty({8 * width}));
    layer.down = map_in(*feed, "2", 4 * width, width);
    layers_.push_back(layer);
  }
  const auto rotary = child(*attn_layers, "rotary_pos_emb");
  const int64_t turned = rotary_channels(options);
  rotary->register_buffer(
      "inv_freq",
      at::pow(10000.0, at::arange(0, turned, 2, at::kFloat) / static_cast<double>(turned)).reciprocal());
  to_logits_ = map_in(*net, "to_logits", width, tokens);
  norm_ = at::ones({width});
  initialise();
}

at::Tensor Autobrep::in_groups(const at::Tensor& weight, int64_t axis) const {
  const int64_t groups = options_.kv_groups, times = options_.heads / groups;
  if (groups == 1 || times == 1) return weight;
  return weight.unflatten(axis, {times, groups, options_.dim_head})
      .transpose(axis, axis + 1)
      .flatten(axis, axis + 2);
}

nn::DecoderWeights Autobrep::weights() const {
  nn::DecoderWeights weights;
  const int64_t inner = 4 * options_.dim;
  const auto ones = norm_.to(embedding_.options().requires_grad(false));
  weights.norm = {ones, {}};
  for (const auto& layer : layers_) {
    nn::BlockWeights block;
    block.norm_1 = block.norm_2 = {ones, {}};
    block.query = {in_groups(layer.to_q, 0), {}};
    block.key = {layer.to_k, {}};
    block.value = {layer.to_v, {}};
    block.projection = {in_groups(layer.to_out, 1), {}};
    block.up = {layer.gated.narrow(0, 0, inner), layer.gated_bias.narrow(0, 0, inner)};
    block.gate = {layer.gated.narrow(0, inner, inner), layer.gated_bias.narrow(0, inner, inner)};
    block.down = {layer.down, {}};
    weights.blocks.push_back(std::move(block));
  }
  return weights;
}

at::Tensor Autobrep::pass(const at::Tensor& tokens, const nn::DecoderWeights& weights,
                          const nn::DecoderPass& pass) const {
  auto x = torch::nn::functional::normalize(at::embedding(embedding_, tokens),
                                            torch::nn::functional::NormalizeFuncOptions().p(2).dim(-1));
  x = kernels::dropout(x, options_.dropout, is_training());
  auto own = pass;
  own.training = is_training();
  if (is_training() && options_.dropout > 0.0) {
    own.thinned = [this](std::size_t, nn::Branch branch, const at::Tensor& added) {
      return branch == nn::Branch::feed_forward ? kernels::dropout(added, options_.dropout, true) : added;
    };
  }
  return decoder_.forward(x, weights, own);
}

at::Tensor Autobrep::logits_of(const at::Tensor& passed) const {
  return kernels::linear(passed, to_logits_, {}).to(at::kFloat);
}

at::Tensor Autobrep::forward(const at::Tensor& tokens, nn::DecoderTrace* trace, at::Tensor* last) const {
  nn::DecoderPass way;
  way.trace = trace;
  const auto passed = pass(tokens.narrow(1, 0, tokens.size(1) - 1).clamp_min(0), weights(), way);
  if (last != nullptr) *last = passed;
  return logits_of(passed);
}

runtime::Losses Autobrep::loss(const at::Tensor& tokens, const at::Tensor& left_out) const {
  const auto logits = forward(tokens).flatten(0, 1);
  const int64_t predictions = tokens.size(1) - 1;
  auto targets = tokens.narrow(1, 1, predictions).clone();
  if (left_out.defined()) {
    targets.masked_fill_(left_out.narrow(1, 0, predictions).ne(0), -1);
  } else {
    targets.narrow(1, 0, std::min(kUncounted, predictions)).fill_(-1);
  }
  targets = targets.flatten();
  const auto total = at::cross_entropy_loss(logits, targets, {}, at::Reduction::Mean, /*ignore_index=*/-1);
  const auto counted = targets.ge(0);
  const auto statistics = [seen = logits.detach(), targets, counted]() -> runtime::Metrics {
    const auto right = seen.argmax(1).eq(targets).logical_and(counted).sum().to(at::kFloat);
    return {{"accuracy", (right / counted.sum()).item<double>()}};
  };
  return {total, {}, statistics, static_cast<double>(counted.sum().item<int64_t>())};
}

void Autobrep::set_type(at::ScalarType type) { nn::set_storage_type(*this, type); }

void Autobrep::initialise() {
  const torch::NoGradGuard no_grad;
  embedding_.normal_(0.0, kEmbeddingDeviation);
  const auto uniform = [](at::Tensor weight, int64_t in) {
    const double reach = 1.0 / std::sqrt(static_cast<double>(in));
    weight.uniform_(-reach, reach);
  };
  for (auto& layer : layers_) {
    for (const auto& map : {layer.to_q, layer.to_k, layer.to_v, layer.to_out, layer.gated, layer.down})
      uniform(map, map.size(1));
    uniform(layer.gated_bias, options_.dim);
  }
  uniform(to_logits_, options_.dim);
}

AutobrepStream::AutobrepStream(const Autobrep& model, bool grammar, int64_t most_tokens)
    : model_(model),
      weights_(model.weights()),
      cache_(model.options().depth, most_tokens + 8),
      grammar_(grammar),
      most_tokens_(most_tokens) {}

at::Tensor AutobrepStream::read(const at::Tensor& ids) {
  nn::DecoderPass way;
  way.cache = &cache_;
  const auto passed = model_.pass(ids, weights_, way);
  auto logits = model_.logits_of(passed.select(1, passed.size(1) - 1));
  if (grammar_) mask(logits, ids.cpu());
  begun_ = true;
  return logits;
}

void AutobrepStream::mask(at::Tensor& logits, const at::Tensor& ids) {
  if (!begun_)
    rows_.assign(static_cast<std::size_t>(ids.size(0)),
                 BrepGrammar(vocabulary_of(model_.options()), most_tokens_));
  auto masked = at::full(logits.sizes(), -std::numeric_limits<float>::infinity(), logits.options());
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    const auto i = static_cast<int64_t>(row);
    // A row that has ended repeats its end.
    if (begun_) rows_[row].read(ids[i][0].item<int64_t>());
    for (const auto& [first, last] : rows_[row].allowed())
      masked[i].narrow(0, first, last - first).copy_(logits[i].narrow(0, first, last - first));
  }
  logits = masked;
}

nn::DecodingRules decoding_rules(const AutobrepGenerationOptions& options) {
  nn::DecodingRules rules;
  // The filter sees logits without the temperature, as officially.
  rules.sampling.rules = {{nn::FilterStep::top_k, nn::FilterStep::top_p, nn::FilterStep::temperature},
                          nn::TopPRule::from_above};
  rules.sampling.top_p = options.top_p;
  rules.sampling.temperature = options.temperature;
  rules.ends = {kEos};
  return rules;
}

}  // namespace arzoo::shape3d
