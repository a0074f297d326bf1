#pragma once

#include "core/config.h"
#include "runtime/memory_budget.h"
#include "runtime/named_tensors.h"

/// Reading a model's sizes off the shapes of its weights, for published files without a config.
namespace arzoo::image {

/// The size along one axis of a tensor that must have `dim` of them. Throws CheckpointError.
int64_t size_of(const runtime::NamedTensors& weights, const std::string& name, int64_t dim, int64_t axis);

/// Numbers n = 0, 1, … for which `name(n)` is there.
template <class Name>
int64_t count_of(const runtime::NamedTensors& weights, const Name& name) {
  int64_t n = 0;
  while (weights.contains(name(n))) ++n;
  return n;
}

/// Modules `prefix`.0, `prefix`.1, … of which the tensor `name` is there.
int64_t count_modules(const runtime::NamedTensors& weights, const std::string& prefix,
                      const std::string& name);

/// The side of a square of so many tokens; throws CheckpointError, naming `what`, unless it is one.
int64_t side_of(const runtime::NamedTensors& weights, const std::string& what, int64_t tokens);

/// ch, ch_mult and num_res_blocks of a convolutional encoder.
template <class Options>
void read_coder(const runtime::NamedTensors& weights, Options& options) {
  constexpr int64_t kMostLevels = 8;
  const auto first_conv = [](int64_t level) {
    return fmt::format("encoder.down.{}.block.0.conv1.weight", level);
  };
  options.ch = size_of(weights, "encoder.conv_in.weight", 4, 0);
  options.ch_mult.clear();
  const int64_t levels = std::min(count_of(weights, first_conv), kMostLevels);
  for (int64_t level = 0; level < levels; ++level)
    options.ch_mult.push_back(size_of(weights, first_conv(level), 4, 0) / std::max<int64_t>(options.ch, 1));
  options.num_res_blocks = count_modules(weights, "encoder.down.0.block", "conv1.weight");
}

/// Checks options read from weights like options from a config. Throws CheckpointError.
template <class Options>
Options checked_options(const Options& options, const runtime::NamedTensors& weights) {
  try {
    return Config(arzoo::to_json(options), weights.where()).as<Options>();
  } catch (const ConfigError& error) {
    throw CheckpointError(error.what());
  }
}

/// A model for inference, its linear maps or convolutions in `type`, with memory as it comes for weights.
/// Throws ConfigError.
template <class Model, class Options>
std::shared_ptr<Model> build_for_inference(const Options& options, at::ScalarType type) {
  const Config section(arzoo::to_json(options), std::string(Options::kName), "/model");
  return runtime::within_memory(section, [&] {
    auto model = std::make_shared<Model>(options);
    model->set_type(type);
    model->eval();
    for (auto& parameter : model->parameters()) parameter.requires_grad_(false);
    return model;
  });
}

}  // namespace arzoo::image
