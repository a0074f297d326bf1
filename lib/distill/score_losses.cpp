#include "distill/score_losses.h"

#include <torch/torch.h>

#include "distill/flow_mapping.h"

namespace arzoo::distill {
namespace {

/// The sum over tokens and channels, the mean over the batch.
at::Tensor batch_mean(const at::Tensor& x) { return x.sum() / static_cast<double>(x.size(0)); }

}  // namespace

ScoreRandomInputs ScoreRandomInputs::after(int64_t first) const {
  return {tokens_from(t, first), tokens_from(noise, first)};
}

TeacherMean closed_form_mean(at::Tensor logits, at::Tensor codebook) {
  return [logits = std::move(logits), codebook = std::move(codebook)](const at::Tensor& q_t,
                                                                      const at::Tensor& t) {
    return posterior_mean(tokens_from(logits, logits.size(1) - q_t.size(1)), q_t, t, codebook);
  };
}

GtsTerms gts_loss(ArDiffusion& network, const at::Tensor& labels, const at::Tensor& q,
                  const TeacherMean& teacher, const ScoreRandomInputs& random_inputs) {
  GtsTerms terms;
  terms.q_t = random_inputs.noised(q);
  terms.teacher_velocity = flow_velocity(terms.q_t, teacher(terms.q_t, random_inputs.t), random_inputs.t);
  terms.velocity = network.velocity(terms.q_t, random_inputs.t, network.states(labels, q));
  terms.loss = batch_mean((terms.velocity - terms.teacher_velocity).square());
  return terms;
}

FcsTerms fcs_loss(ArDiffusion& guidance, const at::Tensor& labels, const at::Tensor& q,
                  const ScoreRandomInputs& random_inputs, int64_t first) {
  const auto own = random_inputs.after(first);
  const auto fixed = tokens_from(q.detach(), first);
  const auto states = tokens_from(guidance.states(labels, q), first);
  const auto velocity = guidance.velocity(own.noised(fixed), own.t, states);
  return {velocity, batch_mean((velocity - (own.noise - fixed)).square())};
}

CsdTerms csd_loss(ArDiffusion& guidance, const at::Tensor& labels, const at::Tensor& q,
                  const TeacherMean& teacher, const ScoreRandomInputs& random_inputs, double alpha,
                  int64_t first) {
  constexpr double kSmallestWeight = 1e-5;
  const at::AutoGradMode with_grad(true);
  const auto own = random_inputs.after(first);
  at::Tensor states;
  {
    const torch::NoGradGuard constant;
    states = tokens_from(guidance.states(labels, q), first);
  }
  const auto leaf = tokens_from(q.detach(), first).clone().requires_grad_();
  const auto q_t = own.noised(leaf);
  CsdTerms terms;
  terms.real = teacher(q_t, own.t);
  terms.fake = q_t - own.t * guidance.velocity(q_t, own.t, states);
  terms.weight = (leaf - terms.real).abs().mean(-1).clamp_min(kSmallestWeight).detach();
  const auto apart = terms.real - terms.fake;
  const auto loss = batch_mean(apart * ((terms.real - leaf) - alpha * apart) / terms.weight.unsqueeze(-1));
  const auto gradient = torch::autograd::grad({loss}, {leaf}).front();
  terms.loss = loss.detach();
  terms.gradient = first == 0 ? gradient : at::constant_pad_nd(gradient, {0, 0, first, 0});
  return terms;
}

at::Tensor with_gradient(const at::Tensor& loss, const at::Tensor& q, const at::Tensor& gradient) {
  const auto carrier = (q * gradient).sum();
  return carrier + (loss - carrier.detach());
}

}  // namespace arzoo::distill
