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
  /// What the total is the mean of: samples, or cells that count. Several processes weigh their parts of a
  /// batch by it.
  double samples = 1.0;
};

/// Of a sum over this process's part of a batch, the sum over all parts, scaled to this part's share of the
/// samples: where a loss divides by such sums, the mean of the parts' losses, weighed by their samples, is
/// the joint batch's loss. Without gradient. Empty where there is one process, whose sum is the batch's.
using JointSum = std::function<at::Tensor(const at::Tensor& sum)>;

/// Intermediate results of one forward pass under the names that fixture folders use ("mid.encoder",
/// "attn.0").
using Trace = std::vector<std::pair<std::string, at::Tensor>>;

}  // namespace arzoo::runtime
