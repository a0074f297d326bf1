#include "nn/sparse_experts.h"

#include <torch/torch.h>

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

/// experts: [N, K] long.
ExpertOrder sorted_by_expert(const at::Tensor& experts, int64_t num_experts) {
  const auto chosen = experts.cpu().contiguous();
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
  for (auto* index : {&order.pairs, &order.tokens, &order.rows}) *index = index->to(experts.device());
  return order;
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

/// The weighted sum of each token's rows, [N, D].
at::Tensor combined(const at::Tensor& rows, const ExpertOrder& order, const at::Tensor& weights) {
  const auto pairs = at::GradMode::is_enabled() ? PermutedRows::apply(rows, order.rows, order.pairs)
                                                : rows.index_select(0, order.rows);
  return (pairs.view({weights.size(0), weights.size(1), rows.size(1)}) * weights.unsqueeze(-1)).sum(1);
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

at::Tensor SparseExperts::routed(const at::Tensor& tokens, const Routing& routing) {
  const auto order = sorted_by_expert(routing.experts, options_.num_experts);
  const auto rows = dispatched(tokens, order);
  std::vector<at::Tensor> parts;
  int64_t first = 0;
  for (std::size_t e = 0; e < experts_.size(); ++e) {
    const int64_t count = order.counts[e];
    if (count > 0 || at::GradMode::is_enabled())
      parts.push_back(experts_[e]->forward(rows.narrow(0, first, count)));
    first += count;
  }
  return combined(at::cat(parts), order, routing.weights.to(tokens.scalar_type()));
}

at::Tensor SparseExperts::forward(const at::Tensor& tokens, Routing* routing) {
  Routing choice;
  // The router and the shared expert's gate stay in full precision under Int8Scope: they cost next to
  // nothing, and a little rounding sends tokens elsewhere.
  choice.logits = at::linear(tokens, gate_->weight);
  std::tie(choice.weights, choice.experts) =
      at::softmax(choice.logits, -1, at::kFloat).topk(options_.num_experts_per_tok, -1);
  const auto shared =
      at::sigmoid(at::linear(tokens, shared_expert_gate_->weight)) * shared_expert_->forward(tokens);
  const auto mixed = routed(tokens, choice) + shared;
  if (routing != nullptr) *routing = std::move(choice);
  return mixed;
}

}  // namespace arzoo::nn
