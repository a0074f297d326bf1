#pragma once

#include "forecast/layers/attention_layer.h"

namespace arzoo::forecast {

/// ProbSparse self-attention (Informer, Sec. 3.1): the factor * ceil(ln L) queries that differ most from a
/// uniform distribution attend to all keys; the others get the mean of the values, or, where the future is
/// masked, the running sum of the values up to them (the official code's choice).
///
/// The queries are selected on factor * ceil(ln S) keys sampled for each query, the same for the whole batch
/// and all heads. The gradient flows through attention and values, not through the selection. No dropout.
class ProbSparseAttention : public Mixing {
 public:
  /// causal: queries and keys are the same steps, and none sees a later one. order: how the layer reads the
  /// result, which is laid out for it. `name` is the module's, for random inputs and traces:
  /// "encoder.attn_layers.0.attention".
  ProbSparseAttention(bool causal, int64_t factor, kernels::HeadOrder order, std::string name)
      : causal_(causal), factor_(factor), order_(order), name_(std::move(name)) {}
  /// pass.random_inputs gives the sampled keys; without it they come from the default CPU generator.
  at::Tensor forward(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                     const Pass& pass) override;

 private:
  at::Tensor kept_queries(const at::Tensor& queries, const at::Tensor& keys, const Pass& pass) const;

  bool causal_;
  int64_t factor_;
  kernels::HeadOrder order_;
  std::string name_;
};

}  // namespace arzoo::forecast
