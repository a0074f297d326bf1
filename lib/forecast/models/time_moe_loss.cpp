#include "forecast/models/time_moe_loss.h"

#include <torch/torch.h>

#include <cmath>

namespace arzoo::forecast {
namespace {

/// Windows of `steps` that start at each of T places, zeros beyond the end. x: [B, T, C]; returns
/// [B, T, steps, C], a view.
at::Tensor windows_ahead(const at::Tensor& x, int64_t steps) {
  return at::constant_pad_nd(x, {0, 0, 0, steps - 1}).unfold(1, steps, 1).transpose(2, 3);
}

/// A sum over the joint batch; without a group its own.
at::Tensor over_all(const runtime::JointSum& joint, const at::Tensor& sum) {
  return joint ? joint(sum.detach()) : sum;
}

}  // namespace

at::Tensor horizon_loss(const at::Tensor& forecasts, const at::Tensor& labels, const at::Tensor& masks,
                        const runtime::JointSum& joint) {
  constexpr double kDelta = 2.0;
  const int64_t channels = labels.size(2), steps = forecasts.size(2) / channels;
  const auto truth = windows_ahead(labels, steps);  // [B, T, P, C]
  const auto losses = at::huber_loss(forecasts.view({forecasts.size(0), forecasts.size(1), steps, channels}),
                                     truth, at::Reduction::None, kDelta);
  if (!masks.defined()) return losses.mean();
  const auto counted = windows_ahead(masks.to(losses.scalar_type()).unsqueeze(-1), steps).expand_as(losses);
  return (losses * counted).sum() / over_all(joint, counted.sum());
}

at::Tensor balance_loss(const std::vector<at::Tensor>& router_logits, int64_t num_experts_per_tok,
                        const at::Tensor& attention_mask, const runtime::JointSum& joint) {
  const auto logits = at::cat(router_logits);  // [V * N, E]
  const auto probabilities = at::softmax(logits, -1, at::kFloat);
  const int64_t experts = logits.size(1);
  const auto chosen = std::get<1>(probabilities.detach().topk(num_experts_per_tok, -1));
  at::Tensor share, mean;
  if (!attention_mask.defined() && !joint) {
    share = at::one_hot(chosen, experts).to(at::kFloat).mean(0);  // [K, E]
    mean = probabilities.mean(0);                                 // [E]
  } else {
    const auto counted =
        attention_mask.defined()
            ? attention_mask.to(at::kFloat).flatten().repeat({static_cast<int64_t>(router_logits.size())})
            : at::ones({logits.size(0)}, probabilities.options());
    const auto count = over_all(joint, counted.sum());
    share = over_all(joint, (at::one_hot(chosen, experts).to(at::kFloat) * counted.view({-1, 1, 1})).sum(0)) /
            count;
    mean = (probabilities * counted.unsqueeze(-1)).sum(0) / count;
  }
  return (share * mean).sum() * static_cast<double>(experts);
}

runtime::Metrics router_statistics(const std::vector<at::Tensor>& router_logits,
                                   int64_t num_experts_per_tok) {
  if (router_logits.empty()) return {};
  const torch::NoGradGuard no_grad;
  runtime::Metrics loads;
  double served = 0.0;
  for (std::size_t layer = 0; layer < router_logits.size(); ++layer) {
    const auto& logits = router_logits[layer];
    const auto choices = static_cast<double>(logits.size(0) * num_experts_per_tok);
    const auto chosen = std::get<1>(at::softmax(logits, -1, at::kFloat).topk(num_experts_per_tok, -1));
    const auto counts = at::bincount(chosen.flatten(), {}, logits.size(1)).cpu();
    for (int64_t e = 0; e < logits.size(1); ++e) {
      const double load = static_cast<double>(counts[e].item<int64_t>()) / choices;
      loads.emplace_back(fmt::format("expert_load_layer_{}/expert_{}", layer, e), load);
      served += load;
    }
  }
  // Shares of thousands of tokens add up to 1 but for the last digits.
  const double dropped = 1.0 - served / static_cast<double>(router_logits.size());
  loads.insert(loads.begin(), {"router/dropped", std::abs(dropped) < 1e-9 ? 0.0 : dropped});
  return loads;
}

runtime::Losses named_losses(const TimeMoeLoss& loss, const TimeMoeOptions& options) {
  runtime::Losses losses{loss.total};
  for (std::size_t head = 0; head < loss.heads.size(); ++head)
    losses.parts.emplace_back(fmt::format("huber_{}", options.horizon_lengths[head]), loss.heads[head]);
  if (loss.balance.defined()) losses.parts.emplace_back("router/balance", loss.balance);
  std::vector<at::Tensor> logits;
  for (const auto& layer : loss.router_logits) logits.push_back(layer.detach());
  if (!logits.empty()) {
    losses.statistics = [logits, chosen = options.num_experts_per_tok] {
      return router_statistics(logits, chosen);
    };
  }
  return losses;
}

}  // namespace arzoo::forecast
