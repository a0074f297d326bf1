#include "distill/fixture.h"

#include <torch/torch.h>

#include "distill/flow_mapping.h"
#include "image/fixture.h"
#include "image/residual_quantizer.h"

namespace arzoo::distill {

void load_part(const runtime::ParityCase& fixture, torch::nn::Module& module,
               const runtime::NamedTensors& all, const std::string& prefix,
               const std::vector<std::string>& others) {
  const auto part = image::weights_of(all, prefix, others);
  runtime::load_strictly(module, part, all.where());
  fixture.note_tables(module, part);
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

}  // namespace arzoo::distill
