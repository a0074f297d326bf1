#pragma once

#include "support/test.h"

namespace arzoo::test {

/// The largest absolute difference between two tensors of one shape.
inline double worst(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kFloat) - b.to(at::kFloat)).abs().max().item<double>();
}

inline at::Tensor classes(const std::vector<int64_t>& labels) { return at::tensor(labels, at::kLong); }

}  // namespace arzoo::test
