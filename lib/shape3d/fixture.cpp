#include "shape3d/fixture.h"

#include <torch/torch.h>

#include <algorithm>
#include <numbers>

namespace arzoo::shape3d {
namespace {

/// PyTorch's SequentialLR of LinearLR and CosineAnnealingLR, as shares of the full rate.
struct Schedule {
  double start_factor = 0.0, end_factor = 1.0;
  int64_t warmup = 1, period = 1, milestone = 1;

  explicit Schedule(const Config& section) {
    section.at("linear").at("start_factor").read(start_factor, at_least(0));
    section.at("linear").at("end_factor").read(end_factor, at_least(0));
    section.at("linear").at("total_iters").read(warmup, at_least(1));
    section.at("cosine").at("T_max").read(period, at_least(1));
    std::vector<int64_t> milestones;
    section.at("milestones").read(milestones, nonempty(at_least(0)));
    milestone = milestones.front();
  }
  double share(int64_t step) const {
    if (step < milestone) {
      const double place = static_cast<double>(std::min(step, warmup)) / static_cast<double>(warmup);
      return start_factor + (end_factor - start_factor) * place;
    }
    const double turn = static_cast<double>(step - milestone) / static_cast<double>(period);
    return 0.5 * (1.0 + std::cos(std::numbers::pi * turn));
  }
};

/// Throws CheckFailed unless the case trained every parameter that is trained here.
void require_all_listed(const std::vector<std::string>& listed, const torch::nn::Module& model,
                        const std::string& name) {
  for (const auto& parameter : model.named_parameters()) {
    const bool known = std::find(listed.begin(), listed.end(), parameter.key()) != listed.end();
    if (parameter.value().requires_grad() && !known)
      fail<CheckFailed>("{}: {} is trained, expected no parameter that the case does not list", name,
                        parameter.key());
  }
}

}  // namespace

runtime::RecordedTraining recorded_training(const runtime::ParityCase& fixture, torch::nn::Module& model) {
  require_all_listed(runtime::listed_names(fixture, "param_order"), model, fixture.name);
  const auto optimizer = fixture.config.at("optimizer");
  runtime::RecordedTraining training{.model = model, .options = {}};
  auto& options = training.options;
  options.optimizer = "adamw";
  optimizer.at("lr").read(options.learning_rate, more_than(0));
  optimizer.at("betas").read(options.betas, {});
  optimizer.at("eps").read(options.eps, more_than(0));
  optimizer.at("weight_decay").read(options.weight_decay, at_least(0));
  fixture.config.at("steps").read(training.steps, at_least(1));
  training.learning_rate = [rate = options.learning_rate,
                            schedule = Schedule(fixture.config.at("scheduler"))](int64_t step) {
    return rate * schedule.share(step);
  };
  return training;
}

runtime::RecordedTraining constant_training(const runtime::ParityCase& fixture, torch::nn::Module& model,
                                            const std::vector<std::string>& names) {
  require_all_listed(names, model, fixture.name);
  const auto optimizer = fixture.config.at("optimizer");
  const auto name = optimizer.text("name");
  if (name != "Adam" && name != "AdamW")
    optimizer.at("name").reject(fmt::format("\"{}\", expected Adam or AdamW", name));
  runtime::RecordedTraining training{.model = model, .options = {}};
  auto& options = training.options;
  options.optimizer = name == "AdamW" ? "adamw" : "adam";
  options.lradj = "constant";
  optimizer.at("lr").read(options.learning_rate, more_than(0));
  optimizer.at("betas").read(options.betas, {});
  optimizer.at("eps").read(options.eps, more_than(0));
  constexpr double kAdamWDecay = 0.01;  // PyTorch's, where nothing is said
  options.weight_decay = name == "AdamW" ? kAdamWDecay : 0.0;
  if (optimizer.has("weight_decay")) optimizer.at("weight_decay").read(options.weight_decay, at_least(0));
  if (fixture.config.has("steps")) fixture.config.at("steps").read(training.steps, at_least(1));
  return training;
}

void replay_shape_vae_case(const runtime::ParityCase& fixture, runtime::ParityReport& report) {
  fixture.config.has("steps") ? replay_shape_vae_training(fixture, report)
                              : replay_shape_vae(fixture, report);
}

}  // namespace arzoo::shape3d
