#include "image/latent_tokens.h"

#include <torch/torch.h>

namespace arzoo::image {

at::Tensor patchified(const at::Tensor& latents, int64_t patch_size) {
  const int64_t batch = latents.size(0), channels = latents.size(1), p = patch_size,
                height = latents.size(2) / p, width = latents.size(3) / p;
  return latents.reshape({batch, channels, height, p, width, p})
      .permute({0, 2, 4, 1, 3, 5})
      .reshape({batch, height * width, channels * p * p});
}

at::Tensor unpatchified(const at::Tensor& tokens, int64_t side, int64_t patch_size) {
  const int64_t batch = tokens.size(0), p = patch_size, channels = tokens.size(2) / (p * p);
  return tokens.reshape({batch, side, side, channels, p, p})
      .permute({0, 3, 1, 4, 2, 5})
      .reshape({batch, channels, side * p, side * p});
}

at::Tensor tokens_of_grid(const at::Tensor& latents) { return latents.flatten(-2).transpose(-2, -1); }

at::Tensor grid_of_tokens(const at::Tensor& tokens, int64_t side) {
  return tokens.transpose(-2, -1).unflatten(-1, {side, side});
}

at::Tensor resized_for_pivots(const at::Tensor& pictures, int64_t pixels) {
  return at::upsample_bicubic2d(pictures, {pixels, pixels}, /*align_corners=*/false);
}

}  // namespace arzoo::image
