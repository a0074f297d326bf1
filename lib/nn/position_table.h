#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace arzoo::nn {

/// Sinusoidal positions (Vaswani et al. 2017, Sec. 3.5): even columns sin(p w_i), odd columns cos(p w_i),
/// w_i = 10000^(-2i / d_model); [length, d_model] float. d_model must be even.
at::Tensor position_table(int64_t length, int64_t d_model);

}  // namespace arzoo::nn
