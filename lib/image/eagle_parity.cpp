#include <torch/torch.h>

#include <algorithm>

#include "image/eagle_loss.h"
#include "image/lantern_case.h"
#include "runtime/training_replay.h"

namespace arzoo::image {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

EagleOptions drafter_options(const Config& config) {
  EagleOptions options;
  options.target = options_among<LlamaGenOptions>(config);
  read_if_any(config, "ffn_hidden", options.hidden_width);
  read_if_any(config.at("drafter"), "bias", options.bias);
  read_if_any(config.at("drafter"), "norm_eps", options.norm_eps);
  return options;
}

runtime::TrainingOptions eagle_training(const Config& train) {
  runtime::TrainingOptions options;
  options.optimizer = "adamw";
  train.at("lr").read(options.learning_rate, more_than(0));
  train.at("betas").read(options.betas, {});
  train.at("eps").read(options.eps, {});
  train.at("weight_decay").read(options.weight_decay, {});
  train.at("clip_value").read(options.clip_grad_value, at_least(0));
  return options;
}

void check_first_step(const EagleLosses& losses, ParityReport& report) {
  report.check("hidden", losses.hidden);
  report.check("predict", losses.predicted.detach());
  report.check("vloss", losses.vloss.detach());
  report.check("ploss", losses.ploss.detach());
}

}  // namespace

LanternCase::LanternCase(const ParityCase& fixture)
    : model(options_among<LlamaGenOptions>(fixture.config)), head(drafter_options(fixture.config)) {
  const auto weights = fixture.weights();
  fixture.load(model, weights_of(weights, "", {"drafter."}));
  fixture.load(head, weights_of(weights, "drafter."));
  model.eval();
  head.eval();
}

void replay_eagle_training(const ParityCase& fixture, ParityReport& report) {
  LanternCase parts(fixture);
  parts.head.train();
  const auto section = fixture.config.at("train");
  std::vector<std::string> frozen, names;
  section.at("frozen").read(frozen, {});
  fixture.config.at("param_order").read(names, {});
  auto parameters = parts.head.named_parameters();
  for (auto& parameter : parameters)
    parameter.value().requires_grad_(std::find(frozen.begin(), frozen.end(), parameter.key()) ==
                                     frozen.end());
  for (auto& parameter : parts.model.parameters()) parameter.requires_grad_(false);
  EagleLossOptions options;
  read_if_any(section, "p_w", options.p_w);
  read_if_any(section, "noise_std", options.noise_std);
  int64_t steps = 0, warmup = 0, total = 0;
  section.at("steps").read(steps, at_least(1));
  section.at("warmup_steps").read(warmup, at_least(0));
  section.at("total_steps").read(total, at_least(1));
  const auto training = eagle_training(section);
  const auto rate = [&](int64_t step) {
    const auto share = step < warmup
                           ? static_cast<double>(step) / static_cast<double>(warmup)
                           : static_cast<double>(total - step) / static_cast<double>(total - warmup);
    return training.learning_rate * share;
  };
  std::vector<at::Tensor> start, accuracy;
  for (const auto& name : names) start.push_back(parameters[name].detach().clone());
  const auto loss = [&](int64_t step) -> runtime::Losses {
    const auto losses = eagle_losses(parts.head, parts.model, fixture.input("labels")[step],
                                     fixture.input("ids")[step], fixture.input("noise_rand")[step], options);
    accuracy.push_back(losses.accuracy);
    if (step == 0) {
      check_first_step(losses, report);
      std::vector<at::Tensor> weights;
      for (const auto& name : names) weights.push_back(parameters[name]);
      const auto gradients = torch::autograd::grad({losses.total}, weights, {}, /*retain_graph=*/true);
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (fixture.io.contains("grad." + names[i])) report.check("grad." + names[i], gradients[i]);
      }
    }
    return {losses.total};
  };
  const auto log = runtime::replay_training(
      {.model = parts.head, .options = training, .steps = steps, .loss = loss, .learning_rate = rate});
  report.check("loss", at::tensor(log.losses, at::kDouble));
  report.check("accuracy", at::stack(accuracy));
  report.check("lr", at::tensor(log.learning_rates, at::kDouble));
  report.check("grad_norm", at::tensor(log.gradient_norms, at::kDouble));
  std::vector<double> changes;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto end = parameters[names[i]].detach();
    changes.push_back((end - start[i]).norm().item<double>());
    if (fixture.io.contains("final." + names[i])) report.check("final." + names[i], end);
  }
  report.check("delta_norms", at::tensor(changes, at::kDouble));
}

}  // namespace arzoo::image
