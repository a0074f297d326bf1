#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <string>

#include "core/error.h"

namespace arzoo::runtime {

/// A part of a model by its name. Throws CheckpointError when there is none of that kind.
template <class Part>
std::shared_ptr<Part> part(const torch::nn::Module& model, const std::string& name) {
  const auto found = std::dynamic_pointer_cast<Part>(model.named_modules("", /*include_self=*/false)[name]);
  if (found == nullptr) fail<CheckpointError>("no part {} of the expected kind", name);
  return found;
}

}  // namespace arzoo::runtime
