#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

/// What Time-MoE is trained for (Sec. 3.2.2 of the paper; the official code where they differ).
namespace arzoo::forecast {

struct TimeMoeLoss {
  at::Tensor total;               ///< mean of the heads' losses + factor * balance
  std::vector<at::Tensor> heads;  ///< Huber loss of each head
  at::Tensor balance;             ///< load-balancing loss before its factor; undefined where it is dense
  at::Tensor first_logits;        ///< [B, T, P * C] of the first head
};

/// Huber loss (delta 2) of a head. Token t forecasts labels t, t + 1, …, t + P - 1; beyond the last label
/// stand zeros, which count like others unless masks are given. forecasts: [B, T, P * C]; labels: [B, T, C];
/// masks: [B, T] or undefined.
at::Tensor horizon_loss(const at::Tensor& forecasts, const at::Tensor& labels, const at::Tensor& masks);

/// E * sum over choices and experts of (share of the tokens sent there) * (mean probability), over the tokens
/// of all layers together: K when all experts have the same load. The gradient flows through the
/// probabilities alone. router_logits: [N, E] of each layer; attention_mask: [B, T] of N = B * T tokens, of
/// which those at 0 do not count; may be undefined.
at::Tensor balance_loss(const std::vector<at::Tensor>& router_logits, int64_t num_experts_per_tok,
                        const at::Tensor& attention_mask);

}  // namespace arzoo::forecast
