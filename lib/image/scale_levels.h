#pragma once

#include <ATen/core/Tensor.h>

#include "image/grid.h"

namespace arzoo::image {

/// The scale of each token, [1, L] long.
at::Tensor scale_levels(const Grids& grids);

/// 0 where a token sees another, of its own or a coarser scale, -inf elsewhere: [1, 1, L, L].
at::Tensor block_causal_bias(const at::Tensor& levels);

}  // namespace arzoo::image
