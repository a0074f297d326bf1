#include "forecast/official_replay.h"

#include <torch/torch.h>

#include "runtime/optimizer.h"

namespace arzoo::forecast {

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

ReplayedSteps replay_steps(torch::nn::Module& model, const StepOptions& options,
                           const std::function<at::Tensor(int64_t step)>& loss) {
  runtime::TrainingOptions training;
  training.optimizer = "adamw";
  training.weight_decay = options.weight_decay;
  std::vector<at::Tensor> trained;
  for (const auto& parameter : model.parameters()) {
    if (parameter.requires_grad()) trained.push_back(parameter);
  }
  runtime::Adam optimizer(trained, training);
  ReplayedSteps result;
  for (int64_t step = 0; step < options.steps; ++step) {
    optimizer.zero_grad();
    const auto value = loss(step);
    value.backward();
    result.losses.push_back(value.item<double>());
    result.rates.push_back(options.rate(step));
    result.norms.push_back(optimizer.clip_gradients(options.max_grad_norm));
    optimizer.step(result.rates.back());
  }
  return result;
}

}  // namespace arzoo::forecast
