#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::speech {

/// Minimum word error rate fine-tuning of a model that writes one sentence only (the Paraformer paper's idea;
/// no code of it was released, so that this is a reconstruction): candidates take the second best token where
/// the best is masked, and the loss is their expected number of errors less the mean.
struct ExpectedErrors {
  at::Tensor samples;  ///< [B, S, N]
  at::Tensor errors;   ///< [B, S], edit distances
  at::Tensor shares;   ///< [B, S], softmax of their summed log probabilities
  at::Tensor loss;
};

/// logits: [B, N, V]; labels: [B, N], -1 behind; lengths: [B]; masked: [B, S, N], bool.
ExpectedErrors expected_errors(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& lengths,
                               const at::Tensor& masked);

}  // namespace arzoo::speech
