#include "shape3d/trained_replay.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "runtime/rounding_noise.h"
#include "shape3d/fixture.h"

namespace arzoo::shape3d {
namespace {

constexpr double kRounding = 1e-7;               // of the largest element of a gradient
constexpr double kLargestLossDifference = 0.01;  // no rounding excuses more
constexpr uint64_t kRepetitions = 12;            // fewer underestimate how far rounding moves a norm

struct TrainedNumbers {
  at::Tensor losses, norms;  ///< fp64
};

void drop_rounding(const torch::nn::Module& model) {
  const torch::NoGradGuard no_grad;
  double largest = 0.0;
  for (const auto& parameter : model.parameters())
    if (parameter.grad().defined()) largest = std::max(largest, parameter.grad().abs().max().item<double>());
  for (const auto& parameter : model.parameters())
    if (parameter.grad().defined())
      parameter.grad().masked_fill_(parameter.grad().abs() < kRounding * largest, 0.0);
}

/// How far repetitions are from the first run, element by element.
TrainedNumbers spread_of(const runtime::RecordedTraining& training, const StartingWeights& start,
                         const TrainedNumbers& first, const std::vector<std::string>& names) {
  TrainedNumbers spread{at::zeros_like(first.losses), at::zeros_like(first.norms)};
  auto repeated = training;
  for (uint64_t i = 0; i <= kRepetitions; ++i) {
    start.restore(training.model, i == kRepetitions ? 0.0 : runtime::kLastBit, i);
    if (i == kRepetitions) repeated.on_gradients = [&](int64_t) { drop_rounding(training.model); };
    const auto log = runtime::replay_training(repeated);
    const auto losses = at::tensor(log.losses, at::kDouble);
    const auto norms = runtime::weight_norms(training.model, names);
    spread.losses = at::maximum(spread.losses, (losses - first.losses).abs());
    spread.norms = at::maximum(spread.norms, (norms - first.norms).abs());
  }
  return spread;
}

bool all_within(const at::Tensor& values, const at::Tensor& expected, const runtime::Tolerance& tolerance) {
  return values.numel() == expected.numel() && at::allclose(values, expected, tolerance.rtol, tolerance.atol);
}

at::Tensor recorded(const runtime::ParityCase& fixture, const std::string& name) {
  return fixture.io.at(name).cpu().to(at::kDouble).flatten();
}

}  // namespace

StartingWeights::StartingWeights(const torch::nn::Module& model) {
  for (const auto& parameter : model.parameters()) parameters_.push_back(parameter.detach().clone());
}

void StartingWeights::restore(torch::nn::Module& model, double share, uint64_t seed) const {
  const torch::NoGradGuard no_grad;
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  std::size_t i = 0;
  for (auto& parameter : model.parameters()) {
    const auto& start = parameters_.at(i++);
    const auto sign =
        at::randint(0, 2, start.sizes(), generator, at::TensorOptions(at::kFloat)).mul_(2).sub_(1);
    parameter.copy_(start * sign.mul_(share).add_(1.0).to(start.device()));
  }
}

void check_gradients(torch::nn::Module& model, const at::Tensor& loss, const std::vector<std::string>& names,
                     runtime::ParityReport& report, const std::string& prefix) {
  report.check(prefix + "loss", loss);
  loss.backward();
  report.check(prefix + "grad_norm", runtime::gradient_norms(model, names));
  model.zero_grad();
}

void check_training(const runtime::ParityCase& fixture, const runtime::RecordedTraining& training,
                    const StartingWeights& start, const runtime::TrainingLog& log,
                    const std::vector<std::string>& names, runtime::ParityReport& report,
                    const std::string& prefix) {
  const bool has_losses = fixture.io.contains(prefix + "train_loss");
  TrainedNumbers own{at::tensor(log.losses, at::kDouble), runtime::weight_norms(training.model, names)};
  const TrainedNumbers expected{has_losses ? recorded(fixture, prefix + "train_loss") : own.losses,
                                recorded(fixture, prefix + "param_norms")};
  const bool same_counts =
      own.losses.numel() == expected.losses.numel() && own.norms.numel() == expected.norms.numel();
  if (same_counts && !(all_within(own.losses, expected.losses, fixture.tolerance) &&
                       all_within(own.norms, expected.norms, fixture.tolerance))) {
    const auto spread = spread_of(training, start, own, names);
    const auto step = [](int64_t i) { return fmt::format("the loss before step {}", i + 1); };
    runtime::accept_noise(fixture, own.losses, expected.losses,
                          {spread.losses, kLargestLossDifference * expected.losses.abs()}, step);
    const auto parameters = training.model.named_parameters();
    std::vector<double> most;
    for (const auto& name : names) {
      most.push_back(2.0 * static_cast<double>(training.steps) * training.options.learning_rate *
                     std::sqrt(static_cast<double>(parameters[name].numel())));
    }
    const auto weight = [&](int64_t i) { return "the norm of " + names[static_cast<std::size_t>(i)]; };
    runtime::accept_noise(fixture, own.norms, expected.norms, {spread.norms, at::tensor(most, at::kDouble)},
                          weight);
  }
  if (has_losses) report.check(prefix + "train_loss", own.losses);
  report.check(prefix + "param_norms", own.norms);
}

void check_batch_training(const runtime::ParityCase& fixture, torch::nn::Module& model,
                          const std::function<runtime::Losses()>& loss, runtime::ParityReport& report,
                          const std::string& prefix) {
  const auto names = runtime::listed_names(fixture, prefix + "param_order");
  check_gradients(model, loss().total, names, report, prefix);
  auto training = constant_training(fixture, model, names);
  training.steps = fixture.io.at(prefix + "train_loss").numel();
  training.loss = [&](int64_t) { return loss(); };
  const StartingWeights start(model);
  const auto log = runtime::replay_training(training);
  check_training(fixture, training, start, log, names, report, prefix);
}

}  // namespace arzoo::shape3d
