#pragma once

#include <torch/nn/module.h>

#include <memory>

#include "core/zoo.h"
#include "runtime/memory_budget.h"

namespace arzoo::runtime {

/// Builds what a "model" section with Options describes, with weights as they come. Throws ConfigError for a
/// wrong option, and for a model that memory cannot hold.
template <class Module, class Options>
std::shared_ptr<Module> build_module(const Config& model) {
  return within_memory(model, [&] { return std::make_shared<Module>(model_options<Options>(model)); });
}

/// The same as an entry's `build`.
template <class Module, class Options>
std::shared_ptr<torch::nn::Module> build_any(const Config& model) {
  return build_module<Module, Options>(model);
}

}  // namespace arzoo::runtime
