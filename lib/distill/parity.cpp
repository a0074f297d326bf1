#include "distill/parity.h"

#include <torch/torch.h>

#include "distill/fixture.h"
#include "distill/flow_mapping.h"
#include "image/residual_quantizer.h"

namespace arzoo::distill {

runtime::NamedTensors weights_of(const runtime::NamedTensors& all, const std::string& prefix,
                                 const std::vector<std::string>& others) {
  runtime::NamedTensors part(all.where());
  for (const auto& [name, tensor] : all) {
    const bool foreign = std::any_of(others.begin(), others.end(), [&name = name](const std::string& other) {
      return name.starts_with(other);
    });
    if (name.starts_with(prefix) && !foreign) part.add(name.substr(prefix.size()), tensor);
  }
  return part;
}

void load_part(torch::nn::Module& module, const runtime::NamedTensors& all, const std::string& prefix,
               const std::vector<std::string>& others) {
  const auto part = weights_of(all, prefix, others);
  runtime::load_strictly(module, part, all.where());
  module.to((*part.begin()).second.device());
  module.eval();
  for (auto& parameter : module.parameters()) parameter.requires_grad_(false);
}

std::vector<int64_t> integers_at(const Config& config, std::string_view key) {
  std::vector<int64_t> values;
  config.at(key).read(values, {});
  return values;
}

double number_at(const Config& config, std::string_view key) {
  double value = 0.0;
  config.at(key).read(value, {});
  return value;
}

void replay_mapping(const runtime::ParityCase& fixture, runtime::ParityReport& report) {
  const auto logits = fixture.input("logits"), codebook = fixture.input("codebook"), x = fixture.input("x_t"),
             t = fixture.input("t").unsqueeze(1);
  const auto mean = posterior_mean(logits, x, t, codebook);
  const auto velocity = flow_velocity(x, mean, t);
  report.check("weights", posterior_weights(logits, x, t, codebook));
  report.check("x0", mean);
  report.check("velocity", velocity);
  report.check("score", conditional_score(x, mean, t));
  report.check("score", score_of_velocity(x, velocity, t));
  for (const int64_t steps : {1, 10, 50, 200}) {
    at::Tensor middle;
    const auto end =
        flow_end(logits, fixture.input("noise"), codebook, steps, [&](int64_t step, const at::Tensor& state) {
          if (2 * (step + 1) == steps) middle = state;
        });
    report.check(fmt::format("end_{}", steps), end);
    report.check(fmt::format("token_{}", steps), image::nearest_codes(end, codebook));
    if (middle.defined()) report.check(fmt::format("mid_{}", steps), middle);
  }
}

void replay(const runtime::ParityCase& fixture, runtime::ParityReport& report) {
  const auto& config = fixture.config;
  const auto model = config.text("model");
  if (model == "flow-matching token mapping") return replay_mapping(fixture, report);
  if (model == "DD_Model (VAR)" || model == "DD_Model (VAR) + VAR teacher")
    return replay_dd1_var(fixture, report);
  if (model == "DDTransformer (LlamaGen)") return replay_dd1_llamagen(fixture, report);
  if (model == "LlamaGen Transformer teacher + flow mapping")
    return replay_llamagen_trajectories(fixture, report);
  if (model == "DD2 losses") return replay_dd2_losses(fixture, report);
  if (model == "DD2 training loop") return replay_dd2_training(fixture, report);
  config.at("model").reject(
      fmt::format("\"{}\" is of no known kind (expected a case of Distilled Decoding 1 or 2)", model));
}

}  // namespace arzoo::distill
