#include "icl/parity.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include <map>
#include <set>

#include "icl/fixture.h"

namespace arzoo::icl {

int64_t whole_number(const ParityCase& fixture, const char* key) {
  int64_t value = 0;
  fixture.config.at(key).read(value, {});
  return value;
}

double real_number(const ParityCase& fixture, const char* key) {
  double value = 0.0;
  fixture.config.at(key).read(value, {});
  return value;
}

double real_number(const ParityCase& fixture, const char* key, double otherwise) {
  return fixture.config.has(key) ? real_number(fixture, key) : otherwise;
}

void check_gradients(const at::Tensor& loss, const torch::nn::Module& model, ParityReport& report) {
  loss.backward();
  for (const auto& parameter : model.named_parameters())
    report.check("grad." + parameter.key(), parameter.value().grad());
}

void check_trained(const torch::nn::Module& model, const ParityCase& fixture, ParityReport& report) {
  for (const auto& [name, value] : runtime::state_dict(model)) {
    report.check("norm." + name, value.norm());
    if (fixture.io.contains("final." + name)) report.check("final." + name, value);
  }
}

StepLog train_steps(torch::nn::Module& model, const runtime::TrainingOptions& options, int64_t steps,
                    const std::function<at::Tensor(int64_t step)>& loss) {
  runtime::Adam optimizer(model, options);
  StepLog log;
  for (int64_t step = 0; step < steps; ++step) {
    optimizer.zero_grad();
    const auto value = loss(step);
    log.losses.push_back(value.item<double>());
    value.backward();
    const double limit =
        options.clip_grad_norm > 0 ? options.clip_grad_norm : std::numeric_limits<double>::infinity();
    log.gradient_norms.push_back(optimizer.clip_gradients(limit));
    const bool warms_up = step < options.warmup_steps;
    optimizer.step(
        options.learning_rate *
        (warms_up ? static_cast<double>(step + 1) / static_cast<double>(options.warmup_steps) : 1.0));
  }
  return log;
}

void replay(const ParityCase& fixture, ParityReport& report) {
  using Replay = void (*)(const ParityCase&, ParityReport&);
  // Data and baselines are made on the CPU whatever the device.
  static const std::set<std::string> on_cpu{"vonoswald_lsa_gd", "vonoswald_data",        "icl_tasks",
                                            "icl_baselines",    "icl_baselines_akyurek", "alpine_task"};
  static const std::map<std::string, Replay> kinds{{"vonoswald_lsa_gd", replay_construction},
                                                   {"vonoswald_transformer", replay_vonoswald},
                                                   {"vonoswald_lsa", replay_vonoswald_training},
                                                   {"vonoswald_lsa_trained", replay_vonoswald_trained},
                                                   {"vonoswald_data", replay_regression_data},
                                                   {"gpt2", replay_gpt2},
                                                   {"icl_tasks", replay_function_classes},
                                                   {"akyurek_causal_lm", replay_akyurek},
                                                   {"icl_baselines", replay_baselines},
                                                   {"icl_baselines_akyurek", replay_akyurek_algorithms},
                                                   {"mesa_linear_dynamics", replay_dynamics},
                                                   {"mesa_layer", replay_mesa_layer},
                                                   {"alpine_task", replay_paths},
                                                   {"alpine_nanogpt", replay_path_learner}};
  const auto kind = kinds.find(fixture.config.text("model"));
  if (kind != kinds.end())
    return kind->second(on_cpu.contains(kind->first) ? fixture.on_cpu() : fixture, report);
  std::vector<std::string> known;
  for (const auto& [name, ignored] : kinds) known.push_back(name);
  fixture.config.at("model").reject(fmt::format("\"{}\" is of no known kind (expected {})",
                                                fixture.config.text("model"), fmt::join(known, ", ")));
}

}  // namespace arzoo::icl
