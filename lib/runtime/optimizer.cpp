#include "runtime/optimizer.h"

#include <torch/torch.h>

#include <algorithm>
#include <numeric>

#include "core/name_pattern.h"

namespace arzoo::runtime {

Adam::Adam(std::vector<at::Tensor> parameters, const TrainingOptions& options)
    : beta1_(options.betas[0]),
      beta2_(options.betas[1]),
      eps_(options.eps),
      weight_decay_(options.weight_decay),
      decoupled_(options.optimizer == "adamw") {
  for (const auto& parameter : parameters) add(parameter, /*decayed=*/true);
}

Adam::Adam(const torch::nn::Module& model, const TrainingOptions& options, const Share& share)
    : Adam(std::vector<at::Tensor>(), options) {
  for (const auto& parameter : model.named_parameters()) {
    const bool decayed =
        std::none_of(options.no_weight_decay.begin(), options.no_weight_decay.end(),
                     [&](const std::string& pattern) { return means_name(pattern, parameter.key()); });
    add(parameter.value(), decayed);
  }
  if (options.shard == "optimizer" && !share.is_all()) keep_own(share);
}

void Adam::keep_own(const Share& share) {
  owners_ = owners_of(parameters_, share.count);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (owners_[i] != share.index) state_.exp_avg[i] = state_.exp_avg_sq[i] = state_.steps[i] = at::Tensor();
  }
}

void Adam::add(const at::Tensor& parameter, bool decayed) {
  if (!parameter.requires_grad()) return;
  parameters_.push_back(parameter);
  decayed_.push_back(decayed);
  state_.exp_avg.push_back(at::zeros_like(parameter, parameter.options().requires_grad(false)));
  state_.exp_avg_sq.push_back(at::zeros_like(state_.exp_avg.back()));
  state_.steps.push_back(at::zeros({}, parameter.options().dtype(at::kFloat).requires_grad(false)));
}

void Adam::step(double learning_rate) {
  for (const bool decayed : {true, false}) step(learning_rate, decayed);
}

/// Updates the parameters with, or those without, weight decay.
void Adam::step(double learning_rate, bool decayed) {
  torch::NoGradGuard no_grad;
  std::vector<at::Tensor> parameters, gradients, exp_avgs, exp_avg_sqs, steps;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (decayed_[i] != decayed || !parameters_[i].grad().defined() || !state_.steps[i].defined()) continue;
    parameters.push_back(parameters_[i]);
    // The kernel walks the raw storage, so a gradient that lies transposed is brought into the parameter's
    // order.
    gradients.push_back(parameters_[i].grad().contiguous());
    exp_avgs.push_back(state_.exp_avg[i]);
    exp_avg_sqs.push_back(state_.exp_avg_sq[i]);
    steps.push_back(state_.steps[i]);
  }
  if (parameters.empty()) return;
  at::_foreach_add_(steps, 1);
  using FusedUpdate = void (*)(at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList,
                               at::TensorList, double, double, double, double, double, bool, bool,
                               const std::optional<at::Tensor>&, const std::optional<at::Tensor>&);
  const FusedUpdate update = decoupled_ ? FusedUpdate(at::_fused_adamw_) : FusedUpdate(at::_fused_adam_);
  update(parameters, gradients, exp_avgs, exp_avg_sqs, {}, steps, learning_rate, beta1_, beta2_,
         decayed ? weight_decay_ : 0.0, eps_,
         /*amsgrad=*/false, /*maximize=*/false, std::nullopt, std::nullopt);
}

void Adam::zero_grad() {
  for (auto& parameter : parameters_) parameter.mutable_grad() = at::Tensor();
}

double Adam::clip_gradients(double limit, const std::vector<at::Tensor>& except) {
  std::vector<at::Tensor> clipped;
  for (const auto& parameter : parameters_) {
    const auto is_it = [&](const at::Tensor& other) { return other.is_same(parameter); };
    if (std::none_of(except.begin(), except.end(), is_it)) clipped.push_back(parameter);
  }
  return runtime::clip_gradients(clipped, limit);
}

void Adam::clip_gradient_values(double limit) {
  torch::NoGradGuard no_grad;
  for (const auto& parameter : parameters_) {
    if (parameter.grad().defined()) parameter.grad().clamp_(-limit, limit);
  }
}

double clip_gradients(const std::vector<at::Tensor>& parameters, double limit) {
  torch::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const auto& parameter : parameters) {
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  }
  if (gradients.empty()) return 0.0;
  const double norm = at::stack(at::_foreach_norm(gradients, 2)).norm().item<double>();
  if (norm > limit) at::_foreach_mul_(gradients, limit / (norm + 1e-6));
  return norm;
}

std::vector<int64_t> owners_of(const std::vector<at::Tensor>& parameters, int64_t processes) {
  std::vector<std::size_t> order(parameters.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return parameters[a].numel() > parameters[b].numel();
  });
  std::vector<int64_t> owners(parameters.size()), numbers(static_cast<std::size_t>(processes));
  for (const auto i : order) {
    const auto least = std::min_element(numbers.begin(), numbers.end());
    owners[i] = least - numbers.begin();
    *least += parameters[i].numel();
  }
  return owners;
}

}  // namespace arzoo::runtime
