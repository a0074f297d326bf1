#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace arzoo::image {

/// Latents [B, c, h p, w p] as tokens of p x p latent pixels, row by row: [B, h w, c p p], a token's numbers
/// by channel, then row, then column.
at::Tensor patchified(const at::Tensor& latents, int64_t patch_size);
/// The reverse, for `side` x `side` tokens.
at::Tensor unpatchified(const at::Tensor& tokens, int64_t side, int64_t patch_size);

}  // namespace arzoo::image
