#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <string_view>

#include "forecast/zoo.h"
#include "runtime/parity.h"
#include "runtime/training_options.h"

/// What the replays of published zero-shot models share.
namespace arzoo::forecast {

/// Those of the hub's files in the folder hub/, where the case has one; else its own.
runtime::NamedTensors published_weights(const runtime::ParityCase& fixture);

/// The model of the case's official config.json with these weights, for inference. Throws ConfigError that
/// calls it `name` where the config is of another model.
template <class Model>
std::shared_ptr<Model> official_model(const runtime::ParityCase& fixture,
                                      const runtime::NamedTensors& weights, std::string_view name) {
  const auto official = read_official_config(fixture.config, 0);
  auto model = std::dynamic_pointer_cast<Model>(build(official.model, official.shape));
  if (model == nullptr) fixture.config.reject(fmt::format("not a {} model", name));
  fixture.load(*model, weights);
  model->eval();
  return model;
}

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

/// The official fine-tuning: AdamW, gradients clipped to a norm of 1, a constant rate of 1e-3.
runtime::TrainingOptions official_tuning_options();

}  // namespace arzoo::forecast
