#include "language/fixture.h"

#include <torch/torch.h>

namespace arzoo::language {
namespace {

/// The value under "a.b", or null.
std::optional<Config> value_at(const Config& config, std::string_view key) {
  const auto dot = key.find('.');
  const auto first = key.substr(0, dot);
  if (!config.has(first)) return std::nullopt;
  const auto member = config.at(first);
  return dot == std::string_view::npos ? std::optional(member) : value_at(member, key.substr(dot + 1));
}

template <class Number>
Number number_at(const ParityCase& fixture, std::string_view key, Number otherwise) {
  const auto value = value_at(fixture.config, key);
  if (!value || value->json().is_null()) return otherwise;
  Number number{};
  value->read(number, {});
  return number;
}

}  // namespace

double real_number(const ParityCase& fixture, std::string_view key, double otherwise) {
  return number_at(fixture, key, otherwise);
}

int64_t whole_number(const ParityCase& fixture, std::string_view key, int64_t otherwise) {
  return number_at(fixture, key, otherwise);
}

void check_if_listed(const std::string& name, const at::Tensor& value, const ParityCase& fixture,
                     ParityReport& report) {
  if (fixture.io.contains(name)) report.check(name, value);
}

void check_gradients(const at::Tensor& loss, torch::nn::Module& model, const ParityCase& fixture,
                     ParityReport& report) {
  loss.backward();
  for (const auto& parameter : model.named_parameters()) {
    const auto gradient = parameter.value().grad();
    if (!fixture.io.contains("grad." + parameter.key())) continue;
    report.check("grad." + parameter.key(),
                 gradient.defined() ? gradient : at::zeros_like(parameter.value()));
  }
  model.zero_grad();
}

void check_norms(const torch::nn::Module& model, const ParityCase& fixture, ParityReport& report) {
  for (const auto& [name, value] : runtime::state_dict(model)) {
    if (value.is_floating_point()) check_if_listed("norm." + name, value.norm(), fixture, report);
    check_if_listed("final." + name, value, fixture, report);
  }
}

runtime::TrainingOptions training_options(const ParityCase& fixture, const Recipe& recipe,
                                          const torch::nn::Module& model) {
  runtime::TrainingOptions options;
  options.optimizer = recipe.optimizer;
  options.lradj = "constant";
  options.learning_rate = real_number(fixture, "training.lr", recipe.learning_rate);
  options.betas = {0.9, recipe.second_beta};
  if (value_at(fixture.config, "training.betas"))
    value_at(fixture.config, "training.betas")->read(options.betas, {});
  options.eps = real_number(fixture, "training.eps", options.eps);
  options.weight_decay = real_number(fixture, "training.weight_decay", recipe.weight_decay);
  options.clip_grad_norm = real_number(fixture, "training.grad_clip", recipe.clip);
  for (const auto& parameter : model.named_parameters()) {
    if (parameter.value().dim() < 2) options.no_weight_decay.push_back(parameter.key());
  }
  return options;
}

void check_training(LanguageModel& model, const Recipe& recipe,
                    const std::function<runtime::Losses(int64_t step)>& loss, const ParityCase& fixture,
                    ParityReport& report) {
  if (!fixture.io.contains("train_losses")) return;
  model.train();
  const auto log = runtime::replay_training({.model = model,
                                             .options = training_options(fixture, recipe, model),
                                             .steps = fixture.io.at("train_losses").size(0),
                                             .loss = loss});
  report.check("train_losses", at::tensor(log.losses, at::kDouble));
  check_if_listed("grad_norms", at::tensor(log.gradient_norms, at::kDouble), fixture, report);
  check_norms(model, fixture, report);
}

}  // namespace arzoo::language
