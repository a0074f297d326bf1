#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::nn {

/// The nearest code vector of each row by squared distance, the first of equally near ones. z: [N, C];
/// codebook: [V, C]; returns [N] long.
at::Tensor nearest_codes(const at::Tensor& z, const at::Tensor& codebook);

}  // namespace arzoo::nn
