#pragma once

#include "icl/self_attention_learner.h"

/// Gradient descent as linear self-attention (von Oswald et al., ICML 2023, Sec. 2 and Appendix A): the
/// weights that do it, and the descent itself, to compare with. N points, I inputs, O outputs.
namespace arzoo::icl {

/// What a construction computes.
struct DescentOptions {
  double learning_rate = 1.0;
  bool curvature =
      false;  ///< GD++: each step also transforms the inputs, x <- x - (lr / N^2) sum_i x_i (x_i . x)
  at::Tensor initial = {};  ///< W_0, [O, I]; undefined for 0
};

/// Sets the kernels of every layer so that one layer does one step on (1 / 2 N) sum |W x_i - y_i|^2. The
/// learner has one linear head as wide as a token, I + O. points: N.
void construct(SelfAttentionLearner& learner, int64_t inputs, int64_t points, const DescentOptions& descent);

/// W after each of `steps` steps of gradient descent from W_0. xs: [B, N, I]; ys: [B, N, O]; returns
/// [steps, B, O, I].
at::Tensor gradient_descent(const at::Tensor& xs, const at::Tensor& ys, const DescentOptions& descent,
                            int64_t steps);

/// The tokens after each step of GD++ from W_0 = 0, [steps, B, N + 1, I + 1]; tokens: [B, N + 1, I + 1].
at::Tensor curvature_descent(const at::Tensor& tokens, double learning_rate, int64_t steps);

/// How far two learners are apart on the same prompts (Sec. 3): of their sensitivities the mean cosine and
/// the mean distance, of their predictions the mean difference.
struct Likeness {
  double cosine = 0.0, sensitivity = 0.0, prediction = 0.0;
};
Likeness likeness(const SelfAttentionLearner& a, const SelfAttentionLearner& b, const at::Tensor& tokens,
                  int64_t inputs);

/// The weights half-way between a trained layer and the constructed one (Sec. 3): keys and values the
/// identity, queries (Q K^T / m + Q_gd) / 2, output (V P m + V_gd P_gd) / 2, with m the mean of the first I
/// diagonal entries of Q K^T.
struct Interpolation {
  at::Tensor query, linear;  ///< [D, D]
  double mean = 0.0;         ///< m
};
Interpolation interpolation(const SelfAttentionLearner& trained, const SelfAttentionLearner& constructed,
                            int64_t inputs);
/// Sets these weights in a learner of the same options.
void use(const Interpolation& weights, SelfAttentionLearner& learner);

}  // namespace arzoo::icl
