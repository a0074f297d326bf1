#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::kernels {

/// What distinguishes one use of attention from another.
struct AttentionMode {
  bool causal = false;    ///< query i, which stands at place S - L + i, sees no later key; S >= L
  double dropout = 0.0;   ///< on the probabilities
  bool training = false;  ///< dropout is active
  double scale = 0.0;     ///< of the scores; 0: 1 / sqrt(E)
  at::Tensor bias = {};   ///< added to the scores, broadcast to [B, H, L, S]; undefined: none
};

/// What tokens of a generation may see, as a bias [B or 1, 1, L, S]: 0 where query i, which stands at place
/// S - L + i, may see key j, and half the type's most negative finite number where j lies ahead or
/// `attention_mask` is 0 there.
///
/// Finite, so that a query that may see nothing (padding) attends to all keys evenly instead of being NaN;
/// half of it, so that a kernel that scales scores to powers of two does not overflow. attention_mask: [B,
/// S], may be undefined.
at::Tensor causal_bias(int64_t queries, int64_t keys, const at::Tensor& attention_mask,
                       const at::TensorOptions& options);

/// softmax(scale q k^T + bias) v (Vaswani et al. 2017, eq. 1), fused where nothing forbids it.
/// q: [B, H, L, E]; k, v: [B, H, S, E]; returns [B, H, L, E].
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const AttentionMode& mode = {});

/// The probabilities alone, [B, H, L, S]: for traces and plots.
at::Tensor attention_weights(const at::Tensor& q, const at::Tensor& k, const AttentionMode& mode = {});

}  // namespace arzoo::kernels
