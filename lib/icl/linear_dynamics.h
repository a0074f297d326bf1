#pragma once

#include <ATen/core/Tensor.h>

#include "icl/data_options.h"

/// Linear dynamical systems and what predicts them in context (von Oswald et al., Uncovering
/// mesa-optimization, 2023). B sequences, T steps, d coordinates.
namespace arzoo::icl {

struct DynamicsRandomInputs {
  at::Tensor w;      ///< rotations, [B, d, d]
  at::Tensor first;  ///< uniform in [0, 1), [B, d]
  at::Tensor noise;  ///< N(0, 1), [B, T, d]
};
/// x_1 … x_{T + 1}, [B, T + 1, d]: x_{t + 1} = W x_t + noise, each coordinate within ±data_clip.
at::Tensor dynamics_states(const DynamicsOptions& options, const DynamicsRandomInputs& random_inputs);
at::Tensor sample_states(const DynamicsOptions& options, int64_t count, at::Generator generator);

/// The constructed tokens [0, x_t, x_t, x_{t-1}] of x_1 … x_T, with x_0 = 0. states: [B, T, d]; returns
/// [B, T, 4 d].
at::Tensor constructed_tokens(const at::Tensor& states);

/// eta sum_{i <= t} x_i (x_{i-1} . x_t): a step of gradient descent from 0 on the transitions seen. [B, T,
/// d].
at::Tensor dynamics_descent(const at::Tensor& states, double eta);

/// The ridge regression of the transitions seen at each step, applied to x_t. Of penalty `lambda` > 0.
enum class SeenPairs {
  all,       ///< (x_{i-1}, x_i) for i <= t
  official,  ///< for i < t: the official solver leaves out the newest pair
};
/// [B, T, d].
at::Tensor dynamics_ridge(const at::Tensor& states, double lambda, SeenPairs seen);

/// Approximations of A^-1 (Sec. 3.3): sum_{k <= terms} (I - A / c)^k / c, and X <- X (2 I - A X) from I / tr
/// A.
at::Tensor neumann_inverse(const at::Tensor& a, int64_t terms, double c);
at::Tensor newton_inverse(const at::Tensor& a, int64_t steps);

}  // namespace arzoo::icl
