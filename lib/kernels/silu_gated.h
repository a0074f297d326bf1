#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::kernels {

/// silu(gate) * up, element by element; in inference in gate's place.
at::Tensor silu_gated(at::Tensor gate, const at::Tensor& up);

}  // namespace arzoo::kernels
