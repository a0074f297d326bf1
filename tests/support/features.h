#pragma once

#include "support/test.h"

namespace arzoo::test {

/// [n, width] numbers that NumPy makes as well: sin(0.7 i (j + 1) + s) + 0.3 cos(0.11 i^2 + j s) + 0.05 j s.
inline at::Tensor features(int64_t n, int64_t width, double seed) {
  const auto i = at::arange(n, at::kDouble).view({-1, 1}), j = at::arange(width, at::kDouble).view({1, -1});
  return (i * (j + 1) * 0.7 + seed).sin() + (i * i * 0.11 + j * seed).cos() * 0.3 + j * (0.05 * seed);
}

}  // namespace arzoo::test
