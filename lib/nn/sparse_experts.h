#pragma once

#include <memory>
#include <vector>

#include "nn/gated_feed_forward.h"
#include "runtime/expert_exchange.h"

namespace arzoo::nn {

struct SparseExpertsOptions {
  int64_t width = 0;                ///< D
  int64_t expert_width = 0;         ///< hidden width of a routed expert
  int64_t shared_width = 0;         ///< hidden width of the shared expert
  int64_t num_experts = 0;          ///< E
  int64_t num_experts_per_tok = 0;  ///< K
};

/// Where the router sent each token.
struct Routing {
  at::Tensor logits;   ///< [N, E]
  at::Tensor experts;  ///< [N, K] long, the most probable first
  at::Tensor weights;  ///< [N, K] their probabilities: of all E experts, so they sum up to less than 1
};

/// The experts' weights one behind the other, for products that take them all at once.
struct StackedExperts {
  at::Tensor gate, up;  ///< [E, D, F] each
  at::Tensor down;      ///< [E, F, D]

  bool defined() const { return gate.defined(); }
  /// down(silu(gate(x)) * up(x)) of rows that are sorted by expert, [R, D], where those of expert e end at
  /// ends[e], [E] int: a grouped product for each map, without asking the device how many rows an expert has.
  at::Tensor forward(const at::Tensor& rows, const at::Tensor& ends) const;
};

/// A sparse mixture of gated experts with a shared one (Qwen2-MoE's form, which Time-MoE uses): the K most
/// probable experts of a token weighted by the router's softmax, which is not renormalised, plus
/// sigmoid(shared gate) times the shared expert. No capacity limit: no token is ever dropped.
///
/// Tokens are sorted by expert once and each expert is one run of matrix products on its own contiguous rows;
/// on a GPU, in inference in bf16, all experts are one grouped product for each map.
/// In training an expert without tokens still has a gradient, of zeros, as in the official code: weight decay
/// reaches it.
class SparseExperts : public torch::nn::Module, public runtime::ExpertLayer {
 public:
  explicit SparseExperts(const SparseExpertsOptions& options);

  /// tokens: [N, D]; returns [N, D]. `routing` receives the router's choice when given.
  at::Tensor forward(const at::Tensor& tokens, Routing* routing = nullptr);
  /// Weights that a token passes by: those of the experts that it does not visit.
  int64_t idle_parameters() const;

  std::vector<std::shared_ptr<torch::nn::Module>> expert_modules() const override;
  void share_experts(runtime::ProcessGroup* group) override { group_ = group; }

  /// The experts' weights become parts of these tensors, which takes no more memory than they did.
  const StackedExperts& stacked();

 private:
  bool can_group(const at::Tensor& tokens) const;

  SparseExpertsOptions options_;
  runtime::ProcessGroup* group_ = nullptr;  ///< where the experts are shared out
  torch::nn::Linear gate_{nullptr}, shared_expert_gate_{nullptr};
  std::vector<std::shared_ptr<GatedFeedForward>> experts_;
  std::shared_ptr<GatedFeedForward> shared_expert_;
  StackedExperts stacked_;
};

/// The same of all sparse mixtures in a model.
int64_t idle_parameters(const torch::nn::Module& model);

}  // namespace arzoo::nn
