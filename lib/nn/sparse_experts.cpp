#include "nn/sparse_experts.h"

#include <torch/torch.h>

#include <algorithm>

#include "kernels/multiversion.h"
#include "kernels/parallel.h"
#include "kernels/silu_gated.h"
#include "kernels/simd.h"

namespace arzoo::nn {
namespace {

/// The (token, choice) pairs sorted by expert, ties in their own order. A pair's number is token * K +
/// choice.
struct ExpertOrder {
  at::Tensor pairs;             ///< [N * K] long, the pair that stands in each row
  at::Tensor tokens;            ///< [N * K] long, its token
  at::Tensor rows;              ///< [N * K] long, the row in which each pair stands
  std::vector<int64_t> counts;  ///< rows of each expert
};

/// The order where the experts' numbers are, without counts.
ExpertOrder sorted_on_device(const at::Tensor& experts) {
  ExpertOrder order;
  order.pairs = at::argsort(experts.flatten(), /*stable=*/true);
  order.tokens = order.pairs.floor_divide(experts.size(1));
  order.rows = at::empty_like(order.pairs)
                   .scatter_(0, order.pairs, at::arange(order.pairs.size(0), order.pairs.options()));
  return order;
}

/// experts: [N, K] long.
ExpertOrder sorted_by_expert(const at::Tensor& experts, int64_t num_experts) {
  if (!experts.is_cpu()) {
    auto order = sorted_on_device(experts);
    const auto counts = at::bincount(experts.flatten(), {}, num_experts).cpu();
    order.counts.assign(counts.const_data_ptr<int64_t>(), counts.const_data_ptr<int64_t>() + num_experts);
    return order;
  }
  const auto chosen = experts.contiguous();
  const auto* expert_of = chosen.const_data_ptr<int64_t>();
  const int64_t pairs = chosen.numel(), per_token = chosen.size(1);
  ExpertOrder order;
  order.counts.assign(num_experts, 0);
  for (int64_t i = 0; i < pairs; ++i) ++order.counts[expert_of[i]];
  std::vector<int64_t> next(num_experts, 0);
  for (int64_t e = 1; e < num_experts; ++e) next[e] = next[e - 1] + order.counts[e - 1];
  order.pairs = at::empty({pairs}, at::kLong);
  order.tokens = at::empty({pairs}, at::kLong);
  order.rows = at::empty({pairs}, at::kLong);
  auto *pair_in = order.pairs.mutable_data_ptr<int64_t>(),
       *token_in = order.tokens.mutable_data_ptr<int64_t>(), *row_of = order.rows.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < pairs; ++i) {
    const int64_t row = next[expert_of[i]]++;
    pair_in[row] = i;
    token_in[row] = i / per_token;
    row_of[i] = row;
  }
  return order;
}

/// Where the rows of each expert end, [E] int.
at::Tensor ends_of(const at::Tensor& experts, int64_t num_experts) {
  const auto all = at::arange(num_experts, experts.options()).unsqueeze(1);
  return experts.flatten().unsqueeze(0).eq(all).sum(1).cumsum(0).to(at::kInt);
}

/// Rows in another order. The gradient is the same gather the other way round; autograd's own would add up
/// row by row.
class PermutedRows : public torch::autograd::Function<PermutedRows> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& order, const at::Tensor& inverse) {
    context->save_for_backward({inverse});
    return x.index_select(0, order);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    return {gradients[0].index_select(0, context->get_saved_variables()[0]), {}, {}};
  }
};

/// The token of each row, [N * K, D].
at::Tensor dispatched(const at::Tensor& tokens, const ExpertOrder& order) {
  if (!at::GradMode::is_enabled()) return tokens.index_select(0, order.tokens);
  const auto per_token = order.pairs.size(0) / tokens.size(0);
  const auto pairs = tokens.unsqueeze(1).expand({-1, per_token, -1}).reshape({-1, tokens.size(1)});
  return PermutedRows::apply(pairs, order.pairs, order.rows);
}

constexpr int64_t kExpertGrain = 16;

/// What one token's results are made of: its rows among all experts' and the shared expert's.
template <class Scalar>
struct TokenParts {
  const Scalar* rows;
  const int64_t* row_of;  ///< [K]
  const Scalar* weights;  ///< [K]
  const Scalar* shared;   ///< [D]
  float opened;           ///< weight of the shared expert
  int64_t count, width;   ///< K, D
};

template <class Scalar>
ARZOO_INTO_CLONES void add_parts(const TokenParts<Scalar>& parts, Scalar* out) {
  for (int64_t d = 0; d < parts.width; d += kernels::kLanes) {
    const int64_t size = std::min(kernels::kLanes, parts.width - d);
    float sums[kernels::kLanes] = {};
    for (int64_t i = 0; i < parts.count; ++i) {
      const auto weight = static_cast<float>(parts.weights[i]);
      const Scalar* row = parts.rows + parts.row_of[i] * parts.width + d;
      for (int64_t lane = 0; lane < size; ++lane) sums[lane] += weight * static_cast<float>(row[lane]);
    }
    for (int64_t lane = 0; lane < size; ++lane) {
      out[d + lane] =
          static_cast<Scalar>(sums[lane] + parts.opened * static_cast<float>(parts.shared[d + lane]));
    }
  }
}

ARZOO_CLONES void add_token(const TokenParts<float>& parts, float* out) { add_parts(parts, out); }
ARZOO_CLONES void add_token(const TokenParts<at::BFloat16>& parts, at::BFloat16* out) {
  add_parts(parts, out);
}

/// The sums of a pass without autograd on a CPU, in one go and in fp32.
template <class Scalar>
at::Tensor fused_sum(const at::Tensor& rows, const ExpertOrder& order, const at::Tensor& weights,
                     const at::Tensor& shared, const at::Tensor& opened) {
  auto out = at::empty_like(shared);
  const int64_t count = weights.size(1), width = rows.size(1);
  const auto* row_of = order.rows.const_data_ptr<int64_t>();
  const auto *from = rows.const_data_ptr<Scalar>(), *weight = weights.const_data_ptr<Scalar>(),
             *beside = shared.const_data_ptr<Scalar>(), *share = opened.const_data_ptr<Scalar>();
  auto* to = out.mutable_data_ptr<Scalar>();
  kernels::parallel_for(weights.size(0), kExpertGrain, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      add_token({from, row_of + n * count, weight + n * count, beside + n * width,
                 static_cast<float>(share[n]), count, width},
                to + n * width);
    }
  });
  return out;
}

/// The weighted sum of each token's rows plus `opened` [N, 1] times `shared` [N, D]; [N, D].
at::Tensor combined(const at::Tensor& rows, const ExpertOrder& order, const at::Tensor& weights,
                    const at::Tensor& shared, const at::Tensor& opened) {
  if (!at::GradMode::is_enabled() && rows.is_cpu()) {
    if (rows.scalar_type() == at::kFloat) return fused_sum<float>(rows, order, weights, shared, opened);
    if (rows.scalar_type() == at::kBFloat16)
      return fused_sum<at::BFloat16>(rows, order, weights, shared, opened);
  }
  const auto pairs = at::GradMode::is_enabled() ? PermutedRows::apply(rows, order.rows, order.pairs)
                                                : rows.index_select(0, order.rows);
  const auto routed =
      (pairs.view({weights.size(0), weights.size(1), rows.size(1)}) * weights.unsqueeze(-1)).sum(1);
  return routed + opened * shared;
}

/// The experts' results for their tokens, [N * K, D]. Under autograd also of an expert without tokens.
at::Tensor expert_rows(const at::Tensor& tokens, const ExpertOrder& order,
                       const std::vector<std::shared_ptr<GatedFeedForward>>& experts) {
  const auto rows = dispatched(tokens, order);
  std::vector<at::Tensor> parts;
  int64_t first = 0;
  for (std::size_t e = 0; e < experts.size(); ++e) {
    const int64_t count = order.counts[e];
    if (count > 0 || at::GradMode::is_enabled())
      parts.push_back(experts[e]->forward(rows.narrow(0, first, count)));
    first += count;
  }
  return at::cat(parts);
}

/// The same where each process of the group has some of the experts.
at::Tensor shared_expert_rows(const at::Tensor& tokens, const ExpertOrder& order,
                              const std::vector<std::shared_ptr<GatedFeedForward>>& experts,
                              runtime::ProcessGroup& group) {
  const runtime::ExpertExchange exchange(group, order.counts);
  const auto by_expert = exchange.by_expert().to(tokens.device()),
             by_process = exchange.by_process().to(tokens.device());
  const auto rows = PermutedRows::apply(exchange.to_owners(dispatched(tokens, order)), by_expert, by_process);
  std::vector<at::Tensor> parts;
  if (exchange.own_counts().empty()) parts.push_back(rows);
  auto expert = static_cast<std::size_t>(exchange.own().first(static_cast<int64_t>(experts.size())));
  int64_t first = 0;
  for (const int64_t count : exchange.own_counts()) {
    parts.push_back(experts[expert++]->forward(rows.narrow(0, first, count)));
    first += count;
  }
  return exchange.from_owners(PermutedRows::apply(at::cat(parts), by_process, by_expert));
}

}  // namespace

SparseExperts::SparseExperts(const SparseExpertsOptions& options) : options_(options) {
  const auto scores = [&](const char* name, int64_t out) {
    return register_module(name, torch::nn::Linear(torch::nn::LinearOptions(options.width, out).bias(false)));
  };
  gate_ = scores("gate", options.num_experts);
  auto list = register_module("experts", torch::nn::ModuleList());
  for (int64_t e = 0; e < options.num_experts; ++e) {
    experts_.push_back(std::make_shared<GatedFeedForward>(options.width, options.expert_width));
    list->push_back(experts_.back());
  }
  shared_expert_ = register_module("shared_expert",
                                   std::make_shared<GatedFeedForward>(options.width, options.shared_width));
  shared_expert_gate_ = scores("shared_expert_gate", 1);
}

at::Tensor SparseExperts::forward(const at::Tensor& tokens, Routing* routing) {
  Routing choice;
  // The router and the shared expert's gate stay in full precision when weights are quantised: they cost next
  // to nothing, and a little rounding sends tokens elsewhere.
  choice.logits = at::linear(tokens, gate_->weight);
  std::tie(choice.weights, choice.experts) =
      at::softmax(choice.logits, -1, at::kFloat).topk(options_.num_experts_per_tok, -1);
  const bool grouped = can_group(tokens);
  const auto order =
      grouped ? sorted_on_device(choice.experts) : sorted_by_expert(choice.experts, options_.num_experts);
  const auto rows =
      grouped ? stacked().forward(dispatched(tokens, order), ends_of(choice.experts, options_.num_experts))
      : group_ != nullptr ? shared_expert_rows(tokens, order, experts_, *group_)
                          : expert_rows(tokens, order, experts_);
  const auto opened = at::sigmoid(at::linear(tokens, shared_expert_gate_->weight));
  const auto mixed =
      combined(rows, order, choice.weights.to(tokens.scalar_type()), shared_expert_->forward(tokens), opened);
  if (routing != nullptr) *routing = std::move(choice);
  return mixed;
}

at::Tensor StackedExperts::forward(const at::Tensor& rows, const at::Tensor& ends) const {
  const auto hidden = kernels::silu_gated(at::_grouped_mm(rows, gate, ends), at::_grouped_mm(rows, up, ends));
  return at::_grouped_mm(hidden, down, ends);
}

bool SparseExperts::can_group(const at::Tensor& tokens) const {
  // What the grouped product asks of its rows: 16 bytes.
  constexpr int64_t kAligned = 8;
  return tokens.is_cuda() && tokens.scalar_type() == at::kBFloat16 && !at::GradMode::is_enabled() &&
         group_ == nullptr && options_.width % kAligned == 0 && options_.expert_width % kAligned == 0;
}

const StackedExperts& SparseExperts::stacked() {
  const torch::NoGradGuard no_grad;
  // Weights that were loaded or moved since lie elsewhere.
  const auto lies_in = [](const at::Tensor& part, const at::Tensor& all) {
    return all.defined() && part.storage().is_alias_of(all.storage()) && part.dtype() == all.dtype();
  };
  const auto stack = [&](at::Tensor& all, Affine (GatedFeedForward::*map)() const) {
    const bool there = std::all_of(experts_.begin(), experts_.end(), [&](const auto& expert) {
      return lies_in(((*expert).*map)().weight, all);
    });
    if (there) return;
    std::vector<at::Tensor> weights;
    for (const auto& expert : experts_) weights.push_back(((*expert).*map)().weight.detach());
    const auto joined = at::stack(weights);
    for (std::size_t e = 0; e < experts_.size(); ++e) ((*experts_[e]).*map)().weight.set_data(joined[e]);
    all = joined.transpose(1, 2);
  };
  stack(stacked_.gate, &GatedFeedForward::gate);
  stack(stacked_.up, &GatedFeedForward::up);
  stack(stacked_.down, &GatedFeedForward::down);
  return stacked_;
}

std::vector<std::shared_ptr<torch::nn::Module>> SparseExperts::expert_modules() const {
  return {experts_.begin(), experts_.end()};
}

int64_t SparseExperts::idle_parameters() const {
  int64_t of_expert = 0;
  for (const auto& parameter : experts_.front()->parameters()) of_expert += parameter.numel();
  return of_expert * (options_.num_experts - options_.num_experts_per_tok);
}

int64_t idle_parameters(const torch::nn::Module& model) {
  int64_t idle = 0;
  for (const auto& part : model.modules()) {
    if (const auto* experts = dynamic_cast<const SparseExperts*>(part.get()))
      idle += experts->idle_parameters();
  }
  return idle;
}

}  // namespace arzoo::nn
