#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "forecast/models/time_moe.h"
#include "runtime/losses.h"

/// What Time-MoE is trained for (Sec. 3.2.2 of the paper; the official code where they differ).
namespace arzoo::forecast {

struct TimeMoeLoss {
  at::Tensor total;               ///< mean of the heads' losses + factor * balance
  std::vector<at::Tensor> heads;  ///< Huber loss of each head
  at::Tensor balance;             ///< load-balancing loss before its factor; undefined where it is dense
  at::Tensor first_logits;        ///< [B, T, P * C] of the first head
  std::vector<at::Tensor> router_logits;  ///< [B * T, E] of each layer; empty where it is dense
};

/// Huber loss (delta 2) of a head. Token t forecasts labels t, t + 1, …, t + P - 1; beyond the last label
/// stand zeros, which count like others unless masks are given. forecasts: [B, T, P * C]; labels: [B, T, C];
/// masks: [B, T] or undefined; joint: where the batch is a part of one.
at::Tensor horizon_loss(const at::Tensor& forecasts, const at::Tensor& labels, const at::Tensor& masks,
                        const runtime::JointSum& joint = {});

/// E * sum over choices and experts of (share of the tokens sent there) * (mean probability), over the tokens
/// of all layers together: K when all experts have the same load. The gradient flows through the
/// probabilities alone. router_logits: [N, E] of each layer; attention_mask: [B, T] of N = B * T tokens, of
/// which those at 0 do not count; may be undefined. joint: where the batch is a part of one.
at::Tensor balance_loss(const std::vector<at::Tensor>& router_logits, int64_t num_experts_per_tok,
                        const at::Tensor& attention_mask, const runtime::JointSum& joint = {});

/// Where the tokens of one pass went: "router/dropped", the share of the tokens' choices that no expert
/// served (0: there is no capacity limit), and of each layer "expert_load_layer_0/expert_0", …, the share of
/// the choices that each expert got. router_logits: [N, E] of each layer; nothing where there is none.
runtime::Metrics router_statistics(const std::vector<at::Tensor>& router_logits, int64_t num_experts_per_tok);

/// The loss with its parts by name ("huber_1" of the head of one step, "router/balance") and the router's
/// statistics, for the one training loop.
runtime::Losses named_losses(const TimeMoeLoss& loss, const TimeMoeOptions& options);

}  // namespace arzoo::forecast
