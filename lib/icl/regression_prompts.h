#pragma once

#include <ATen/core/Tensor.h>

#include "icl/data_options.h"

/// The prompts of von Oswald et al. (ICML 2023): N points and one query. B prompts, I inputs.
namespace arzoo::icl {

/// tokens: [B, N + 1, I + 1], rows (x_i, y_i) and (x_q, 0), or one token for each x and each y; target: the
/// query's row with its y.
struct RegressionPrompts {
  at::Tensor tokens, target;
};

/// The random numbers that a batch is made of, as in the official generators.
struct LinearRandomInputs {
  at::Tensor w;            ///< N(0, 1), [B, I]
  at::Tensor xs, queries;  ///< uniform in [0, 1), [B, N, I] and [B, 1, I]
  at::Tensor distracted;   ///< points whose y is noise, [B, size_distract] long
  at::Tensor noise;        ///< N(0, 1), [B, size_distract]
};
RegressionPrompts linear_prompts(const RegressionOptions& options, const LinearRandomInputs& random_inputs);

struct SineRandomInputs {
  at::Tensor u;  ///< uniform, [B, 1]: the amplitude's and the phase's at once, as in the official code
  at::Tensor xs, queries;  ///< uniform, [B, N, 1] and [B, 1, 1]
};
RegressionPrompts sine_prompts(double input_range, const SineRandomInputs& random_inputs);

RegressionPrompts sample_regression(const RegressionOptions& options, int64_t count, at::Generator generator);

}  // namespace arzoo::icl
