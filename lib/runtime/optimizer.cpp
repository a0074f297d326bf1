#include "runtime/optimizer.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/name_pattern.h"
#include "runtime/mixed_norms.h"

namespace arzoo::runtime {

Optimizer::Optimizer(std::vector<at::Tensor> parameters, const TrainingOptions& options)
    : kind_(options.optimizer),
      beta1_(options.betas[0]),
      beta2_(options.betas[1]),
      eps_(options.eps),
      momentum_(options.momentum),
      weight_decay_(options.weight_decay) {
  for (const auto& name : moments_of(options)) state_.moments.push_back({std::string(name), {}});
  for (const auto& parameter : parameters) add(parameter, /*decayed=*/true, parameter);
}

Optimizer::Optimizer(const torch::nn::Module& model, const TrainingOptions& options, const Share& share,
                     const std::vector<at::Tensor>& parts)
    : Optimizer(std::vector<at::Tensor>(), options) {
  if (options.param_dtype == "bf16") mix_norms_on_cpu();
  for (const auto& parameter : model.named_parameters()) {
    const bool decayed =
        std::none_of(options.no_weight_decay.begin(), options.no_weight_decay.end(),
                     [&](const std::string& pattern) { return means_name(pattern, parameter.key()); });
    if (!parameter.value().requires_grad()) continue;
    add(parameter.value(), decayed,
        parts.empty() ? updated_in_place_of(parameter.value(), options) : parts.at(parameters_.size()));
  }
  if (options.shard == "optimizer" && !share.is_all()) keep_own(share);
}

/// What is updated for a parameter, which may become bf16.
at::Tensor Optimizer::updated_in_place_of(at::Tensor parameter, const TrainingOptions& options) {
  if (options.param_dtype != "bf16" || parameter.scalar_type() != at::kFloat) return parameter;
  const auto master = parameter.detach().clone();
  parameter.set_data(master.to(at::kBFloat16));
  if (!options.master_weights) return parameter;
  masters_ = true;
  return master;
}

void Optimizer::collect_gradients() {
  if (!masters_) return;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (parameters_[i].is_same(of_model_[i])) continue;
    auto& gradient = of_model_[i].mutable_grad();
    parameters_[i].mutable_grad() = gradient.defined() ? gradient.to(at::kFloat) : at::Tensor();
    gradient = at::Tensor();
  }
}

void Optimizer::publish() {
  if (!masters_) return;
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (!parameters_[i].is_same(of_model_[i])) of_model_[i].copy_(parameters_[i]);
  }
}

void Optimizer::keep_own(const Share& share) {
  owners_ = owners_of(parameters_, share.count);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (owners_[i] == share.index) continue;
    for (auto& moment : state_.moments) moment.values[i] = at::Tensor();
    state_.steps[i] = at::Tensor();
  }
}

void Optimizer::add(const at::Tensor& parameter, bool decayed, const at::Tensor& part) {
  if (!parameter.requires_grad()) return;
  parameters_.push_back(part);
  of_model_.push_back(parameter);
  decayed_.push_back(decayed);
  for (auto& moment : state_.moments)
    moment.values.push_back(at::zeros_like(part, part.options().requires_grad(false)));
  state_.steps.push_back(at::zeros({}, part.options().dtype(at::kFloat).requires_grad(false)));
}

void Optimizer::step(double learning_rate) {
  for (const bool decayed : {true, false}) step(learning_rate, decayed);
  publish();
}

struct Optimizer::Update {
  double learning_rate = 0.0, weight_decay = 0.0;
  std::vector<at::Tensor> parameters, gradients, steps;
  std::vector<std::vector<at::Tensor>> moments;
};

/// Updates the parameters with, or those without, weight decay.
void Optimizer::step(double learning_rate, bool decayed) {
  const torch::NoGradGuard no_grad;
  Update update{learning_rate, decayed ? weight_decay_ : 0.0, {}, {}, {}, {}};
  update.moments.resize(state_.moments.size());
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (decayed_[i] != decayed || !parameters_[i].grad().defined() || !state_.steps[i].defined()) continue;
    update.parameters.push_back(parameters_[i]);
    // The kernel walks the raw storage, so a gradient that lies transposed is brought into the parameter's
    // order.
    update.gradients.push_back(parameters_[i].grad().contiguous());
    update.steps.push_back(state_.steps[i]);
    for (std::size_t k = 0; k < update.moments.size(); ++k)
      update.moments[k].push_back(state_.moments[k].values[i]);
  }
  if (update.parameters.empty()) return;
  at::_foreach_add_(update.steps, 1);
  apply(update);
}

void Optimizer::apply(const Update& update) const {
  if (kind_ == "sgd") {
    // A buffer that begins with zeros holds the gradient after the first step, as PyTorch's does.
    at::_fused_sgd_(update.parameters, update.gradients,
                    update.moments.empty() ? std::vector<at::Tensor>() : update.moments[0],
                    update.weight_decay, momentum_, update.learning_rate, /*dampening=*/0.0,
                    /*nesterov=*/false, /*maximize=*/false, /*is_first_step=*/false);
    return;
  }
  using FusedUpdate = void (*)(at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList,
                               at::TensorList, double, double, double, double, double, bool, bool,
                               const std::optional<at::Tensor>&, const std::optional<at::Tensor>&);
  const FusedUpdate adam = kind_ == "adamw" ? FusedUpdate(at::_fused_adamw_) : FusedUpdate(at::_fused_adam_);
  adam(update.parameters, update.gradients, update.moments[0], update.moments[1], {}, update.steps,
       update.learning_rate, beta1_, beta2_, update.weight_decay, eps_,
       /*amsgrad=*/false, /*maximize=*/false, std::nullopt, std::nullopt);
}

void Optimizer::zero_grad() {
  for (auto* tensors : {&parameters_, &of_model_}) {
    for (auto& tensor : *tensors) tensor.mutable_grad() = at::Tensor();
  }
}

double Optimizer::clip_gradients(double limit, const std::vector<at::Tensor>& except, bool only) {
  std::vector<at::Tensor> clipped;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto is_it = [&](const at::Tensor& other) { return other.is_same(of_model_[i]); };
    if (std::any_of(except.begin(), except.end(), is_it) == only) clipped.push_back(parameters_[i]);
  }
  return runtime::clip_gradients(clipped, limit, joint_squares_);
}

void Optimizer::clip_gradient_values(double limit) {
  torch::NoGradGuard no_grad;
  for (const auto& parameter : parameters_) {
    if (parameter.grad().defined()) parameter.grad().clamp_(-limit, limit);
  }
}

double clip_gradients(const std::vector<at::Tensor>& parameters, double limit,
                      const Optimizer::JointSquares& joint) {
  torch::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const auto& parameter : parameters) {
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  }
  if (gradients.empty() && !joint) return 0.0;
  double norm = gradients.empty() ? 0.0 : at::stack(at::_foreach_norm(gradients, 2)).norm().item<double>();
  if (joint) norm = std::sqrt(joint(norm * norm));
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
