#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

namespace arzoo::runtime {

/// What a training step minimises, and the named parts it is made of (scalars, for the log).
struct Losses {
  at::Tensor total;
  std::vector<std::pair<std::string, at::Tensor>> parts = {};
};

/// Named numbers of one evaluation, in the order in which they are shown.
using Metrics = std::vector<std::pair<std::string, double>>;

/// Intermediate results of one forward pass under the names that fixture folders use ("mid.encoder",
/// "attn.0").
using Trace = std::vector<std::pair<std::string, at::Tensor>>;

}  // namespace arzoo::runtime
