#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::nn {

/// What distinguishes one use of attention from another.
struct AttentionMode {
  bool causal = false;    ///< query i sees keys 0..i only
  double dropout = 0.0;   ///< on the probabilities
  bool training = false;  ///< dropout is active
};

/// softmax(q k^T / sqrt(E)) v (Vaswani et al. 2017, eq. 1), fused where nothing forbids it.
/// q: [B, H, L, E]; k, v: [B, H, S, E]; returns [B, H, L, E].
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const AttentionMode& mode = {});

/// The probabilities alone, [B, H, L, S]: for traces and plots.
at::Tensor attention_weights(const at::Tensor& q, const at::Tensor& k, const AttentionMode& mode = {});

}  // namespace arzoo::nn
