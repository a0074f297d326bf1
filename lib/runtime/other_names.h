#pragma once

#include <torch/nn/module.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/named_tensors.h"

namespace arzoo::runtime {

/// A model whose modules another release of its code calls otherwise, or that leaves out what it never uses.
class OtherNames {
 public:
  virtual ~OtherNames() = default;
  /// Beginnings of names as they are there and here: {"projection.", "projector."}; nothing here for tensors
  /// that mean nothing to the model.
  virtual std::vector<std::pair<std::string, std::string>> other_names() const = 0;
};

/// The tensors under the module's own names, without those that mean nothing to it. Throws CheckpointError
/// when a name is there in both forms.
NamedTensors in_names_of(const torch::nn::Module& module, const NamedTensors& tensors);

}  // namespace arzoo::runtime
