#pragma once

#include <ATen/core/Tensor.h>

#include "nn/rope_scaling_options.h"

/// Rotary positions stretched beyond the trained length, as transformers has them (modeling_rope_utils.py).
namespace arzoo::nn {

/// Frequencies of the pairs of `width` channels, [width / 2] float, for a pass whose last token stands at
/// place `length` - 1: dynamic depends on it.
at::Tensor scaled_frequencies(const RopeScalingOptions& scaling, int64_t width, double theta, int64_t length,
                              const at::TensorOptions& options);

}  // namespace arzoo::nn
