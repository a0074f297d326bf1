#pragma once

#include "forecast/layers/attention_layer.h"

namespace arzoo::forecast {

/// Auto-Correlation (Autoformer, Sec. 3.2): mixes a series with delayed copies of itself.
///
/// Keeps the floor(factor * ln L) lags that correlate best and weighs them by the softmax of their scores,
/// all heads and channels alike. In training the batch shares its lags, in evaluation each series has its
/// own, as in the official code: the two modes differ by design. The gradient flows through the weights and
/// the values, not through the choice. Keys and values beyond the queries' length are left out, missing ones
/// count as zero. No L x L matrix beyond kLongestGram, and nothing but queries, keys, values, lags and their
/// weights is stored for the backward pass.
class AutoCorrelation : public Mixing {
 public:
  /// `name` is the module's, for traces: "encoder.attn_layers.0.attention".
  AutoCorrelation(int64_t factor, std::string name) : factor_(factor), name_(std::move(name)) {}
  at::Tensor forward(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                     const Pass& pass) override;

 private:
  int64_t factor_;
  std::string name_;
};

}  // namespace arzoo::forecast
