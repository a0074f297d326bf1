#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>

#include "forecast/random_inputs.h"
#include "kernels/sparse_context.h"

namespace arzoo::forecast {

/// A way to mix values by queries and keys; what the papers of this family replace (Full, ProbSparse,
/// Auto-Correlation). queries: [B, L, H, E]; keys, values: [B, S, H, E]; returns [B, L, H, E].
class Mixing : public torch::nn::Module {
 public:
  virtual at::Tensor forward(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                             const Pass& pass) = 0;
  /// The weights of the same call, [B, H, L, S], where the mechanism has any; undefined otherwise.
  virtual at::Tensor weights(const at::Tensor& queries, const at::Tensor& keys);
};

/// Scaled dot-product attention over all keys.
class FullAttention : public Mixing {
 public:
  FullAttention(bool causal, double dropout) : causal_(causal), dropout_(dropout) {}
  at::Tensor forward(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                     const Pass& pass) override;
  at::Tensor weights(const at::Tensor& queries, const at::Tensor& keys) override;

 private:
  bool causal_;
  double dropout_;
};

/// Projections around a mixing mechanism; state-dict names as in the official code of all models here.
class AttentionLayer : public torch::nn::Module {
 public:
  AttentionLayer(std::shared_ptr<Mixing> mixing, int64_t d_model, int64_t n_heads,
                 kernels::HeadOrder order = kernels::HeadOrder::usual);

  /// x attends to itself, one matrix product for the three projections; the result still lacks the output
  /// projection. x: [B, L, D]; returns [B, L, H * E]. `weights` receives [B, H, L, L] when given.
  at::Tensor mix(const at::Tensor& x, const Pass& pass = {}, at::Tensor* weights = nullptr);
  /// x attends to `memory` [B, S, D], one matrix product for keys and values; the result still lacks the
  /// output projection. x: [B, L, D]; returns [B, L, H * E].
  at::Tensor mix_with(const at::Tensor& x, const at::Tensor& memory, const Pass& pass = {});
  const torch::nn::Linear& out_projection() const { return out_projection_; }

  // Moving a module tears packed weights apart; these put them together again.
  void to(torch::Device device, torch::Dtype dtype, bool non_blocking = false) override;
  void to(torch::Dtype dtype, bool non_blocking = false) override;
  void to(torch::Device device, bool non_blocking = false) override;

 private:
  at::Tensor heads(const at::Tensor& x) const;
  at::Tensor rows(const at::Tensor& mixed) const;
  void pack();

  int64_t n_heads_;
  kernels::HeadOrder order_;
  std::shared_ptr<Mixing> mixing_;
  torch::nn::Linear query_projection_{nullptr}, key_projection_{nullptr}, value_projection_{nullptr},
      out_projection_{nullptr};
};

}  // namespace arzoo::forecast
