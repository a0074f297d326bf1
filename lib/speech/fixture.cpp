#include "speech/fixture.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

namespace arzoo::speech {
namespace {

double number_in(const Config& section, std::string_view key, double otherwise) {
  double value = otherwise;
  if (section.has(key)) section.at(key).read(value, {});
  return value;
}

std::vector<std::string> parameter_order(const ParityCase& fixture) {
  std::vector<std::string> names;
  if (fixture.config.has("param_order")) fixture.config.at("param_order").read(names, {});
  return names;
}

/// Warm-up, a constant rate, then an exponential fall to a share of it (CASS-NAT's multistep).
double multistep_share(const Config& schedule, double step) {
  const double warm = number_in(schedule, "s_warm", 1), decay = number_in(schedule, "s_decay", 1e9),
               keep = number_in(schedule, "s_keep", 2e9), rate = number_in(schedule, "decay_rate", 1.0);
  if (step < warm) return step / warm;
  if (step <= decay) return 1.0;
  return step >= keep ? rate : std::pow(rate, (step - decay) / (keep - decay));
}

}  // namespace

void check_if_listed(const std::string& name, const at::Tensor& value, const ParityCase& fixture,
                     ParityReport& report) {
  if (fixture.io.contains(name)) report.check(name, value);
}

TrainRecipe train_recipe(const Config& train) {
  TrainRecipe recipe;
  auto& o = recipe.options;
  o.optimizer = "adam";
  o.lradj = "constant";
  o.learning_rate = number_in(train, "lr", 1e-3);
  if (train.has("betas")) train.at("betas").read(o.betas, {});
  o.eps = number_in(train, "eps", 1e-8);
  o.weight_decay = number_in(train, "weight_decay", 0.0);
  o.clip_grad_norm = number_in(train, "grad_clip", 0.0);
  recipe.steps = static_cast<int64_t>(number_in(train, "steps", 1));
  const double rate = o.learning_rate;
  if (train.has("schedule")) {
    const auto schedule = train.at("schedule");
    recipe.learning_rate = [schedule, rate](int64_t step) {
      return rate * multistep_share(schedule, static_cast<double>(step + 1));
    };
  } else if (train.has("scheduler")) {
    if (train.text("scheduler") != "warmuplr")
      train.at("scheduler").reject("is not known, expected warmuplr");
    const double warm = number_in(train, "warmup_steps", 25000);
    recipe.learning_rate = [warm, rate](int64_t step) {
      const auto s = static_cast<double>(step + 1);
      return rate * std::sqrt(warm) * std::min(1.0 / std::sqrt(s), s * std::pow(warm, -1.5));
    };
  }
  return recipe;
}

void replay_steps(torch::nn::Module& model, const std::function<runtime::Losses(int64_t step)>& loss,
                  bool clipped, const ParityCase& fixture, ParityReport& report) {
  const auto recipe = train_recipe(fixture.config.at("train"));
  const auto names = parameter_order(fixture);
  std::vector<at::Tensor> before;
  const auto parameters = model.named_parameters();
  for (const auto& name : names) before.push_back(parameters[name].detach().clone());
  at::Tensor first;
  const auto norms = [&](int64_t step) {
    if (step == 0) first = runtime::gradient_norms(model, names);
  };
  runtime::RecordedTraining training{.model = model, .options = recipe.options, .steps = recipe.steps};
  training.loss = loss;
  training.learning_rate = recipe.learning_rate;
  if (!clipped) training.on_gradients = norms;
  if (clipped) training.after_step = [&](int64_t step, const runtime::Losses&) { norms(step); };
  const auto log = runtime::replay_training(training);
  report.check("loss", at::tensor(log.losses, at::kDouble));
  check_if_listed("grad_norm", at::tensor(log.gradient_norms, at::kDouble), fixture, report);
  check_if_listed("lr", at::tensor(log.learning_rates, at::kDouble), fixture, report);
  if (names.empty()) return;
  check_if_listed("grad_norms_step0", first, fixture, report);
  // The gradient of a key's bias is rounding alone, for it shifts all scores of a query alike, and Adam makes
  // whole steps of it: where such parameters end says nothing.
  const auto compare_moved = [&](const std::string& name, const at::Tensor& own) {
    if (!fixture.io.contains(name)) return;
    constexpr double kRounding = 1e-5;
    const auto& expected = fixture.io.at(name);
    const auto rounding = fixture.io.contains("grad_norms_step0")
                              ? fixture.io.at("grad_norms_step0").abs() < kRounding
                              : at::zeros_like(expected, at::kBool);
    report.check(name, at::where(rounding, expected.to(own.scalar_type()), own));
  };
  compare_moved("final_norms", runtime::weight_norms(model, names));
  std::vector<double> moved;
  for (std::size_t i = 0; i < names.size(); ++i)
    moved.push_back((parameters[names[i]].detach() - before[i]).norm().item<double>());
  compare_moved("delta_norms", at::tensor(moved, at::kDouble));
  for (const auto& name : names) check_if_listed("final." + name, parameters[name].detach(), fixture, report);
}

}  // namespace arzoo::speech
