#include <torch/torch.h>

#include "core/name_pattern.h"
#include "image/fixture.h"
#include "runtime/lr_schedule.h"
#include "runtime/training_replay.h"

namespace arzoo::image {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

/// The numbers of a "train" section or of a schedule's entry.
struct Recipe {
  double rate = 0.0, decay = 0.0, final_decay = 0.0;
  runtime::Annealing annealing;

  /// `rate_key`, `decay_key`, `final_key`: what the section calls the three.
  static Recipe read(const Config& section, const char* rate_key, const char* decay_key,
                     const char* final_key) {
    Recipe recipe;
    section.at(rate_key).read(recipe.rate, {});
    section.at(decay_key).read(recipe.decay, {});
    section.at(final_key).read(recipe.final_decay, {});
    recipe.annealing.kind = section.text("sche");
    double warmup = 0.0;
    section.at("wp_it").read(warmup, between(0, 1e9));
    recipe.annealing.warmup_steps = std::llrint(warmup);
    section.at("max_it").read(recipe.annealing.total_steps, at_least(2));
    section.at("wp0").read(recipe.annealing.warmup_start, {});
    section.at("wpe").read(recipe.annealing.end, {});
    return recipe;
  }
  double rate_at(int64_t step) const { return rate * runtime::annealed_share(annealing, step); }
  double decay_at(int64_t step) const {
    return runtime::half_cosine(decay, final_decay, step, annealing.total_steps);
  }
};

runtime::TrainingOptions optimizer_options(const Config& train) {
  runtime::TrainingOptions options;
  options.optimizer = "adamw";
  options.no_weight_decay = no_weight_decay_names();
  train.at("betas").read(options.betas, {});
  train.at("eps").read(options.eps, {});
  return options;
}

/// The parameters in the order that the case lists.
std::vector<std::pair<std::string, at::Tensor>> listed_parameters(const ParityCase& fixture,
                                                                  const Var& model) {
  std::vector<std::string> names;
  fixture.config.at("param_order").read(names, {});
  const auto all = runtime::state_dict(model);
  std::vector<std::pair<std::string, at::Tensor>> listed;
  for (const auto& name : names) listed.emplace_back(name, all.at(name));
  return listed;
}

/// Throws CheckFailed unless the optimiser decays exactly what the official one does.
void require_groups(const ParityCase& fixture, const std::vector<std::string>& no_weight_decay) {
  for (const bool decayed : {true, false}) {
    std::vector<std::string> names;
    fixture.config.at(decayed ? "decay_names" : "no_decay_names").read(names, {});
    for (const auto& name : names) {
      const bool spared = std::any_of(no_weight_decay.begin(), no_weight_decay.end(),
                                      [&](const auto& pattern) { return means_name(pattern, name); });
      if (spared == decayed)
        fail<CheckFailed>("{}: {} is{} decayed, expected the reverse", fixture.name, name,
                          spared ? " not" : "");
    }
  }
}

void train(const ParityCase& fixture, Var& model, const at::Tensor& maps, const at::Tensor& targets,
           ParityReport& report) {
  const auto section = fixture.config.at("train");
  const auto recipe = Recipe::read(section, "tlr", "twd", "twde");
  auto options = optimizer_options(section);
  section.at("tclip").read(options.clip_grad_norm, more_than(0));
  double smoothing = 0.0;
  section.at("ls").read(smoothing, from_below(0, 1));
  int64_t steps = 0;
  section.at("steps").read(steps, at_least(1));
  const auto loss = [&](int64_t step) {
    VarRandomInputs random_inputs;
    random_inputs.condition = fixture.input("cond_rand")[step];
    return model.loss(fixture.input("label_B"), maps, targets, smoothing, random_inputs);
  };
  const auto log =
      runtime::replay_training({.model = model,
                                .options = options,
                                .steps = steps,
                                .loss = loss,
                                .learning_rate = [&](int64_t step) { return recipe.rate_at(step); },
                                .weight_decay = [&](int64_t step) { return recipe.decay_at(step); }});
  report.check("loss", at::tensor(log.losses, at::kDouble));
  report.check("grad_norm", at::tensor(log.gradient_norms, at::kDouble));
  report.check("lr", at::tensor(log.learning_rates, at::kDouble));
  report.check("wd", at::tensor(log.weight_decays, at::kDouble));
}

}  // namespace

void replay_var_training(const ParityCase& fixture, ParityReport& report) {
  const auto& config = fixture.config;
  const auto options = var_options_among(config, config.at("vae"));
  const auto vae = placed_vqvae(fixture, options.vae, weights_at(fixture, config.text("vae_weights")));
  Var model(options);
  fixture.load(model, weights_at(fixture, config.text("init_weights")));
  model.train();
  require_groups(fixture, no_weight_decay_names());
  std::vector<at::Tensor> initial;
  for (const auto& [name, value] : listed_parameters(fixture, model)) initial.push_back(value.clone());
  const auto ids = vae->tokens(fixture.input("img"), vae->grids());
  const auto targets = at::cat(ids, 1);
  report.check("gt_BL", targets);
  train(fixture, model, vae->quantizer().teacher_input(ids, vae->grids()), targets, report);
  std::vector<double> norms, changes;
  for (const auto& [name, value] : listed_parameters(fixture, model)) {
    changes.push_back((value - initial[norms.size()]).norm().item<double>());
    norms.push_back(value.norm().item<double>());
    if (fixture.io.contains("final." + name)) report.check("final." + name, value);
  }
  report.check("final_norms", at::tensor(norms, at::kDouble));
  report.check("delta_norms", at::tensor(changes, at::kDouble));
}

void replay_schedules(const ParityCase& fixture, ParityReport& report) {
  int64_t index = 0;
  for (const auto& entry : fixture.config.at("schedules").elements()) {
    const auto recipe = Recipe::read(entry, "peak_lr", "wd", "wd_end");
    std::vector<double> rates, decays;
    for (int64_t step = 0; step < recipe.annealing.total_steps; ++step) {
      rates.push_back(recipe.rate_at(step));
      decays.push_back(recipe.decay_at(step));
    }
    report.check(fmt::format("{}.lr", index), at::tensor(rates, at::kDouble));
    report.check(fmt::format("{}.wd", index), at::tensor(decays, at::kDouble));
    ++index;
  }
}

}  // namespace arzoo::image
