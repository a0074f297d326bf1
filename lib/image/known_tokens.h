#pragma once

#include "image/var_sampler.h"

namespace arzoo::image {

/// Which cells of a grid lie at least half outside `paint`, [H, W] bool: [1, tokens] bool.
at::Tensor cells_outside(const at::Tensor& paint, const Grid& grid);

/// The tokens of `picture`, [1, 3, H, W] in [-1, 1], of which those count whose cell lies at least half
/// outside `paint`, [H, W] bool: the zero-shot in-painting, out-painting and class-conditional editing of
/// VAR (Tian et al. 2024, Sec. 5.3).
KnownTokens tokens_outside(Vqvae& vae, const Grids& grids, const at::Tensor& picture,
                           const at::Tensor& paint);

}  // namespace arzoo::image
