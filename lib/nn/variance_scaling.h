#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace arzoo::nn {

/// Fills a weight as TensorFlow's variance scaling over the fan-in does: from a normal distribution truncated
/// at two standard deviations, whose variance after truncation is scale / fan_in.
void variance_scaling_(at::Tensor weight, int64_t fan_in, double scale);

}  // namespace arzoo::nn
