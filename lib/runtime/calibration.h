#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::runtime {

/// A fixed piece of work in plain LibTorch, without a line of a model: a small perceptron, forward and
/// backward. What other work takes beside it says more about that work, and less about the machine and who
/// else uses it, than seconds do. Never change it: stored ratios would lose their meaning.
class CalibrationKernel {
 public:
  CalibrationKernel();
  /// Seconds of one pass.
  double run();

 private:
  at::Tensor x_, first_, second_;
};

}  // namespace arzoo::runtime
