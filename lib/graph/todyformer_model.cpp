#include "graph/todyformer_model.h"

#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "kernels/attention.h"
#include "nn/affine.h"

namespace arzoo::graph {
namespace {

using torch::nn::LayerNorm;
using torch::nn::LayerNormOptions;
using torch::nn::Linear;
using torch::nn::LinearOptions;

/// Rows `index` of x, [R, D]: a gather with an expanded index, whose backward pass is one sorted scatter.
at::Tensor rows_at(const at::Tensor& x, const at::Tensor& index) {
  return at::gather(x, 0, index.unsqueeze(1).expand({index.size(0), x.size(1)}));
}

/// Sums the rows of x that go to the same place: [rows, D].
at::Tensor sum_to(const at::Tensor& x, const at::Tensor& to, int64_t rows) {
  return at::scatter_add(at::zeros({rows, x.size(1)}, x.options()), 0,
                         to.unsqueeze(1).expand({to.size(0), x.size(1)}), x);
}

at::Tensor mapped(const Linear& map, const at::Tensor& x) { return nn::linear(x, nn::Affine::of(map)); }

constexpr double kEps = 1e-5;

at::Tensor normed(const LayerNorm& norm, const at::Tensor& x) {
  return at::layer_norm(x, {x.size(-1)}, norm->weight, norm->bias, kEps);
}

LayerNorm layer_norm(int64_t width) { return LayerNorm(LayerNormOptions({width}).eps(kEps)); }

/// Interleaved sine and cosine of the patch's number (Vaswani et al. 2017).
at::Tensor sinusoids(int64_t count, int64_t width, at::Device device) {
  const auto doubles = at::TensorOptions(at::kDouble).device(device);
  const auto rates =
      at::exp(at::arange(0, width, 2, doubles) * (-std::log(10000.0) / static_cast<double>(width)));
  const auto angles = at::arange(count, doubles).unsqueeze(1) * rates;
  return at::stack({angles.sin(), angles.cos()}, -1).flatten(1).to(at::kFloat);
}

}  // namespace

TimeCode::TimeCode(int64_t width) {
  weight_ = register_parameter("weight", at::pow(10.0, -at::linspace(0.0, 9.0, width)));
  bias_ = register_parameter("bias", at::zeros({width}));
}

at::Tensor TimeCode::forward(const at::Tensor& x) const { return (x.unsqueeze(1) * weight_ + bias_).cos(); }

LocalLayer::LocalLayer(int64_t width, int64_t edge_width, int64_t heads)
    : width_(width),
      heads_(heads),
      lin_q_(register_module("lin_q", Linear(width, width))),
      lin_k_(register_module("lin_k", Linear(width + edge_width, width))),
      lin_v_(register_module("lin_v", Linear(width + edge_width, width))),
      lin_self_(register_module("lin_self", Linear(width, width))),
      lin_out_(register_module("lin_out", Linear(LinearOptions(width, width).bias(false)))) {}

at::Tensor LocalLayer::forward(const at::Tensor& h, const at::Tensor& z, const Patches& patches) const {
  const int64_t rows = h.size(0), messages = patches.to.size(0), edge_width = z.size(1);
  // A map of [h | z] is a map of h, made once for each row, and one of z, once for each event.
  const auto of_messages = [&](const Linear& map, const at::Tensor& bias) {
    const auto of_rows = at::linear(h, map->weight.narrow(1, 0, width_), bias);
    const auto of_events = at::linear(z, map->weight.narrow(1, width_, edge_width));
    return rows_at(of_rows, patches.from) + of_events.repeat({2, 1});
  };
  const auto by_head = [&](const at::Tensor& x) { return x.view({messages, heads_, width_ / heads_}); };
  const double scale = 1.0 / std::sqrt(static_cast<double>(width_ / heads_));
  // The keys' bias adds the same to all scores of a row, which the softmax takes out again: left out, its
  // gradient is 0 and not rounding that Adam would make steps of.
  const auto queries = rows_at(mapped(lin_q_, h), patches.to);
  const auto scores = (by_head(queries) * by_head(of_messages(lin_k_, {}))).sum(-1) * scale;  // [2 N, H]
  const auto to = patches.to.unsqueeze(1).expand_as(scores);
  const auto most = at::full({rows, heads_}, -std::numeric_limits<float>::infinity(), scores.options())
                        .scatter_reduce(0, to, scores.detach(), "amax");
  const auto weights = (scores - rows_at(most, patches.to)).exp();
  const auto values = by_head(of_messages(lin_v_, lin_v_->bias)) * weights.unsqueeze(-1);
  const auto sums = sum_to(weights, patches.to, rows);  // softmax over a row's messages
  const auto mixed =
      sum_to(values.reshape({messages, width_}), patches.to, rows).view({rows, heads_, width_ / heads_}) /
      sums.unsqueeze(-1);
  return mapped(lin_self_, h) + mapped(lin_out_, mixed.reshape({rows, width_}));
}

GlobalLayer::GlobalLayer(const TodyformerOptions& options)
    : heads_(options.heads),
      norm1_(register_module("norm1", layer_norm(options.dim))),
      norm2_(register_module("norm2", layer_norm(options.dim))),
      qkv_(register_module("qkv", Linear(options.dim, 3 * options.dim))),
      proj_(register_module("proj", Linear(options.dim, options.dim))),
      fc1_(register_module("fc1", Linear(options.dim, options.ff))),
      fc2_(register_module("fc2", Linear(options.ff, options.dim))) {}

/// The maps work on the rows alone; only attention sees the places without a token.
at::Tensor GlobalLayer::attention(const at::Tensor& x, const at::Tensor& hidden,
                                  const Patches& patches) const {
  const int64_t width = x.size(1), nodes = patches.nodes.size(0), count = patches.count;
  const auto all = sum_to(mapped(qkv_, x), patches.place, nodes * count)
                       .view({nodes, count, 3, heads_, width / heads_})
                       .permute({2, 0, 3, 1, 4});  // [3, U, H, M, E]
  const auto mixed = kernels::attention(all[0], all[1], all[2], {.bias = hidden});
  return rows_at(mixed.transpose(1, 2).reshape({nodes * count, width}), patches.place);
}

at::Tensor GlobalLayer::forward(const at::Tensor& x, const at::Tensor& hidden, const Patches& patches) const {
  const auto mixed = x + mapped(proj_, attention(normed(norm1_, x), hidden, patches));
  return mixed + mapped(fc2_, at::gelu(mapped(fc1_, normed(norm2_, mixed))));
}

Todyformer::Todyformer(const TodyformerOptions& options)
    : options_(options),
      node_in_(register_module("node_in", Linear(options.node_dim, options.dim))),
      head1_(nullptr),
      head2_(nullptr),
      norm_(nullptr) {
  time_ = register_module("time", std::make_shared<TimeCode>(options.time_dim));
  blocks_ = register_module("blocks", torch::nn::ModuleList());
  for (int64_t b = 0; b < options.blocks; ++b) {
    const auto block = std::make_shared<torch::nn::Module>();
    blocks_->push_back(block);
    const auto local = block->register_module("local", torch::nn::ModuleList()),
               global = block->register_module("global_", torch::nn::ModuleList());
    local_.emplace_back();
    global_.emplace_back();
    for (int64_t l = 0; l < options.local_layers; ++l) {
      local_.back().push_back(
          std::make_shared<LocalLayer>(options.dim, options.edge_dim + options.time_dim, options.heads));
      local->push_back(local_.back().back());
    }
    for (int64_t g = 0; g < options.global_layers; ++g) {
      global_.back().push_back(std::make_shared<GlobalLayer>(options));
      global->push_back(global_.back().back());
    }
  }
  norm_ = register_module("norm", layer_norm(options.dim));
  if (options.pos == "time2vec")
    pos_time_ = register_module("pos_time", std::make_shared<TimeCode>(options.dim));
  head1_ = register_module("head1", Linear(2 * options.dim, options.dim));
  head2_ = register_module("head2", Linear(options.dim, 1));
}

at::Tensor Todyformer::positions(const Patches& patches) const {
  const auto device = patches.to.device();
  if (options_.pos == "sincos") return sinusoids(patches.count, options_.dim, device);
  if (options_.pos == "none") return at::zeros({patches.count, options_.dim}, at::TensorOptions(device));
  const auto ago = (patches.end - patches.newest_time) / options_.time_unit;
  return pos_time_->forward(ago.to(at::kFloat));
}

NodeStates Todyformer::encode(const EventWindow& window, const at::Tensor& node_features,
                              const at::Tensor& order, EncoderTrace* trace) const {
  const auto device = node_features.device();
  const auto patches = patchify(window, options_.patches).on(device);
  const auto ago = ((patches.end - window.time.to(at::kDouble)) / options_.time_unit).to(device, at::kFloat);
  auto z = time_->forward(ago);  // [N, Z]
  if (options_.edge_dim > 0) z = at::cat({window.features.to(device), z}, 1);
  auto code = positions(patches);
  if (trace != nullptr) trace->positions = code;
  if (order.defined()) code = code.index_select(0, order.to(device));
  const auto of_patch = rows_at(code, patches.rows.select(1, 1));  // [R, D]
  auto hidden = at::full({patches.nodes.size(0) * patches.count}, -std::numeric_limits<float>::infinity(),
                         of_patch.options());
  hidden.index_fill_(0, patches.place, 0.0);
  hidden = hidden.view({-1, 1, 1, patches.count});
  auto x = mapped(node_in_, node_features.index_select(0, patches.rows.select(1, 0)));
  for (std::size_t b = 0; b < local_.size(); ++b) {
    for (std::size_t l = 0; l < local_[b].size(); ++l) {
      if (l > 0) x = at::relu(x);
      x = local_[b][l]->forward(x, z, patches);
    }
    if (trace != nullptr) trace->local.push_back(x);
    if (!global_[b].empty()) x = x + of_patch;
    for (const auto& layer : global_[b]) x = layer->forward(x, hidden, patches);
    if (trace != nullptr) trace->global_.push_back(x);
  }
  if (trace != nullptr) trace->patches = patches;
  return {patches.nodes, normed(norm_, rows_at(x, patches.newest))};
}

at::Tensor Todyformer::states_of(const NodeStates& known, const at::Tensor& ids,
                                 const at::Tensor& node_features) const {
  const auto place = at::searchsorted(known.nodes, ids).clamp_max(known.nodes.size(0) - 1);
  const auto there = known.nodes.index_select(0, place).eq(ids).unsqueeze(1);
  const auto states = rows_at(known.states, place);
  if (options_.absent == "zeros") return states.masked_fill(there.logical_not(), 0.0);
  return at::where(there, states, normed(norm_, mapped(node_in_, node_features.index_select(0, ids))));
}

at::Tensor Todyformer::score(const at::Tensor& source, const at::Tensor& target) const {
  return mapped(head2_, at::relu(mapped(head1_, at::cat({source, target}, 1)))).squeeze(1);
}

at::Tensor Todyformer::loss(const at::Tensor& positive, const at::Tensor& negative) {
  const auto logits = at::cat({positive, negative}).to(at::kFloat);
  const auto truth = at::cat({at::ones_like(positive), at::zeros_like(negative)}).to(at::kFloat);
  return at::binary_cross_entropy_with_logits(logits, truth);
}

}  // namespace arzoo::graph
