#include "image/recorded_steps.h"

#include <torch/torch.h>

#include "runtime/training_replay.h"

namespace arzoo::image {

at::Tensor listed_gradient_norms(const runtime::ParityCase& fixture, const torch::nn::Module& model) {
  return runtime::gradient_norms(model, runtime::listed_names(fixture, "grad_norm_names"));
}

void check_recorded_gradients(const runtime::ParityCase& fixture, const torch::nn::Module& model,
                              runtime::ParityReport& report) {
  for (const auto& parameter : model.named_parameters()) {
    const auto name = "grad." + parameter.key();
    if (fixture.io.contains(name)) report.check(name, parameter.value().grad());
  }
}

void check_recorded_weights(const runtime::ParityCase& fixture, const torch::nn::Module& model,
                            runtime::ParityReport& report) {
  for (const auto& parameter : model.named_parameters()) {
    const auto name = "final." + parameter.key();
    if (fixture.io.contains(name)) report.check(name, parameter.value().detach());
  }
}

void replay_steps(const runtime::ParityCase& fixture, torch::nn::Module& model,
                  const std::vector<std::string>& no_weight_decay,
                  const std::function<at::Tensor(int64_t)>& loss_of, runtime::ParityReport& report) {
  const auto section = fixture.config.at("optimizer");
  runtime::TrainingOptions options;
  options.optimizer = "adamw";
  options.lradj = "constant";
  options.no_weight_decay = no_weight_decay;
  section.at("lr").read(options.learning_rate, more_than(0));
  section.at("betas").read(options.betas, {});
  section.at("eps").read(options.eps, {});
  section.at("weight_decay").read(options.weight_decay, {});
  section.at("grad_clip").read(options.clip_grad_norm, more_than(0));
  section.at("ema_rate").read(options.ema_decay, from_below(0, 1));
  int64_t steps = 0;
  section.at("steps").read(steps, at_least(1));
  const auto loss = [&](int64_t step) -> runtime::Losses { return {loss_of(step)}; };
  const auto log =
      runtime::replay_training({.model = model, .options = options, .steps = steps, .loss = loss});
  const auto names = runtime::listed_names(fixture, "norm_names");
  std::vector<double> averages;
  for (const auto& name : names) averages.push_back(log.averages.at(name).norm().item<double>());
  report.check("loss", at::tensor(log.losses, at::kDouble));
  report.check("grad_norm", at::tensor(log.gradient_norms, at::kDouble));
  report.check("param_norms", runtime::weight_norms(model, names));
  report.check("ema_norms", at::tensor(averages, at::kDouble));
}

}  // namespace arzoo::image
