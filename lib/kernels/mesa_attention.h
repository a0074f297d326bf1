#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::kernels {

/// (I / lambda + sum_{s <= t} x_s x_s^T)^-1 after each token, what the mesa layer keeps by rank-one updates.
/// inputs: [B, H, T, E]; lambdas: [H]; returns [B, H, T, E, E].
at::Tensor mesa_precisions(const at::Tensor& inputs, const at::Tensor& lambdas);

/// The mesa layer (von Oswald et al., Uncovering mesa-optimization algorithms in Transformers, 2023, Sec. 4):
/// each token's query answered by the ridge regression, of penalty 1 / lambda, of all targets so far on all
/// inputs so far: out_t = sum_{s <= t} y_s (x_s . R_t q_t).
///
/// Solved at once for all tokens instead of by Sherman-Morrison updates from token to token: the same
/// solution, without a loop.
/// queries, inputs (x), targets (y): [B, H, T, E]; lambdas: [H]; returns [B, H, T, E].
at::Tensor mesa_attention(const at::Tensor& queries, const at::Tensor& inputs, const at::Tensor& targets,
                          const at::Tensor& lambdas);

/// Causal linear attention: sum_{s <= t} v_s (k_s . q_t), unscaled. q, k, v: [B, H, T, E].
at::Tensor linear_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);
/// Its weights alone, [B, H, T, T].
at::Tensor linear_attention_weights(const at::Tensor& q, const at::Tensor& k);

}  // namespace arzoo::kernels
