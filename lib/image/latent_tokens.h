#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace arzoo::image {

/// Latents [B, c, h p, w p] as tokens of p x p latent pixels, row by row: [B, h w, c p p], a token's numbers
/// by channel, then row, then column.
at::Tensor patchified(const at::Tensor& latents, int64_t patch_size);
/// The reverse, for `side` x `side` tokens.
at::Tensor unpatchified(const at::Tensor& tokens, int64_t side, int64_t patch_size);

/// Latents [..., c, h, w] as tokens [..., h w, c], row by row; and the reverse for side x side tokens.
at::Tensor tokens_of_grid(const at::Tensor& latents);
at::Tensor grid_of_tokens(const at::Tensor& tokens, int64_t side);

/// Pictures [B, 3, P, P] at the resolution that Hi-MAR's pivots have, [B, 3, pixels, pixels]: bicubic,
/// without antialiasing.
at::Tensor resized_for_pivots(const at::Tensor& pictures, int64_t pixels);

}  // namespace arzoo::image
