#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

/// The closed-form flow from noise to the tokens of a codebook that Distilled Decoding rests on (Liu et al.,
/// Distilled Decoding 1, ICLR 2025, and 2, NeurIPS 2025).
///
/// A token q is sampled from probabilities p over the code vectors c_j; x_t = (1 - t) q + t e leads from the
/// token, t = 0, to standard normal noise e, t = 1. Every statistic of this mixture is a sum over the
/// codebook. N tokens, V codes, C their width; `logits` [..., V] are log p up to a constant, -inf where a
/// code is excluded; x and t, [..., C] and [..., 1], have the same leading axes; all of it is differentiable
/// in x.
namespace arzoo::distill {

/// w_j(x, t) = softmax_j(log p_j - |x - (1 - t) c_j|^2 / (2 t^2)): which token it probably was, [..., V].
at::Tensor posterior_weights(const at::Tensor& logits, const at::Tensor& x, const at::Tensor& t,
                             const at::Tensor& codebook);
/// mu(x, t) = sum_j w_j c_j: the mean of those tokens, [..., C].
at::Tensor posterior_mean(const at::Tensor& logits, const at::Tensor& x, const at::Tensor& t,
                          const at::Tensor& codebook);
/// dx/dt = (x - mu) / t, which is E[e - q].
at::Tensor flow_velocity(const at::Tensor& x, const at::Tensor& mean, const at::Tensor& t);
/// The score of x_t given all that came before the token: -(x - (1 - t) mu) / t^2.
at::Tensor conditional_score(const at::Tensor& x, const at::Tensor& mean, const at::Tensor& t);
/// The score of a velocity: -(x + (1 - t) v) / t.
at::Tensor score_of_velocity(const at::Tensor& x, const at::Tensor& velocity, const at::Tensor& t);

/// Follows the flow from noise [..., C] at t = 1 to t = 0 in `steps` Euler steps of one size. `watch`, when
/// there is one, sees the state after each step. Returns the end, [..., C]: the mean one step before t = 0.
at::Tensor flow_end(const at::Tensor& logits, const at::Tensor& noise, const at::Tensor& codebook,
                    int64_t steps, const std::function<void(int64_t step, const at::Tensor& x)>& watch = {});

}  // namespace arzoo::distill
