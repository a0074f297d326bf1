#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace arzoo::runtime {

/// Named numbers of one evaluation, in the order in which they are shown.
using Metrics = std::vector<std::pair<std::string, double>>;

/// What a training step minimises, and the named parts it is made of (scalars, for the log). A name with a
/// slash, "router/balance", is put into the chart and the TensorBoard group before it.
struct Losses {
  at::Tensor total;
  std::vector<std::pair<std::string, at::Tensor>> parts = {};
  /// Further numbers of this step for the log, worked out only where there is a line; may be empty.
  std::function<Metrics()> statistics = {};
};

/// Intermediate results of one forward pass under the names that fixture folders use ("mid.encoder",
/// "attn.0").
using Trace = std::vector<std::pair<std::string, at::Tensor>>;

}  // namespace arzoo::runtime
