#pragma once

#include <torch/nn/module.h>

#include <functional>

#include "runtime/parity.h"

/// What the replays of published zero-shot models share.
namespace arzoo::forecast {

/// `section` names an integer; the default where it is missing.
int64_t integer_of(const Config& section, std::string_view key, int64_t otherwise);
std::vector<double> numbers_in(const Config& list);

/// Compares where NaN stands for missing values: the places must be the same.
void check_with_gaps(runtime::ParityReport& report, const runtime::ParityCase& fixture,
                     const std::string& name, const at::Tensor& value);

/// The inputs PREFIX.0, PREFIX.1, …
std::vector<at::Tensor> numbered_inputs(const runtime::ParityCase& fixture, const std::string& prefix);

/// Compares the gradient of every parameter of which the case has one; a parameter without a gradient has 0.
void check_gradients(runtime::ParityReport& report, const runtime::ParityCase& fixture,
                     const torch::nn::Module& model);

/// Optimiser steps of a fixture's training: AdamW, clipped, the rate of each step given.
struct ReplayedSteps {
  std::vector<double> losses, norms, rates;
};
struct StepOptions {
  int64_t steps = 1;
  double max_grad_norm = 1.0, weight_decay = 0.0;
  std::function<double(int64_t step)> rate;
};
ReplayedSteps replay_steps(torch::nn::Module& model, const StepOptions& options,
                           const std::function<at::Tensor(int64_t step)>& loss);

}  // namespace arzoo::forecast
