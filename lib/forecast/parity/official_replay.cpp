#include "forecast/parity/official_replay.h"

#include <torch/torch.h>

namespace arzoo::forecast {

runtime::NamedTensors published_weights(const runtime::ParityCase& fixture) {
  const auto hub = fixture.folder / "hub";
  return std::filesystem::exists(hub) ? runtime::open_tensors(hub) : fixture.weights();
}

int64_t integer_of(const Config& section, std::string_view key, int64_t otherwise) {
  if (section.has(key)) section.at(key).read(otherwise, {});
  return otherwise;
}

std::vector<double> numbers_in(const Config& list) {
  std::vector<double> numbers;
  list.read(numbers, {});
  return numbers;
}

void check_with_gaps(runtime::ParityReport& report, const runtime::ParityCase& fixture,
                     const std::string& name, const at::Tensor& value) {
  constexpr double kGapMark = -1e30;
  const auto expected = fixture.io.at(name);
  report.check_value(name, value.to(expected.device(), at::kFloat).nan_to_num(kGapMark),
                     expected.to(at::kFloat).nan_to_num(kGapMark), fixture.tolerance);
}

std::vector<at::Tensor> numbered_inputs(const runtime::ParityCase& fixture, const std::string& prefix) {
  std::vector<at::Tensor> inputs;
  for (int64_t i = 0;; ++i) {
    const auto name = fmt::format("{}.{}", prefix, i);
    if (!fixture.has_input(name)) return inputs;
    inputs.push_back(fixture.input(name).clone());
  }
}

void check_gradients(runtime::ParityReport& report, const runtime::ParityCase& fixture,
                     const torch::nn::Module& model) {
  for (const auto& entry : model.named_parameters()) {
    const auto name = "grad." + entry.key();
    if (!fixture.io.contains(name)) continue;
    const auto& gradient = entry.value().grad();
    report.check(name, gradient.defined() ? gradient : at::zeros_like(entry.value()));
  }
}

runtime::TrainingOptions official_tuning_options() {
  runtime::TrainingOptions options;
  options.optimizer = "adamw";
  options.lradj = "constant";
  options.learning_rate = 1e-3;
  options.clip_grad_norm = 1.0;
  return options;
}

}  // namespace arzoo::forecast
