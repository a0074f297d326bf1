#include "image/known_tokens.h"

#include <torch/torch.h>

namespace arzoo::image {

KnownTokens tokens_outside(Vqvae& vae, const Grids& grids, const at::Tensor& picture,
                           const at::Tensor& paint) {
  const torch::NoGradGuard no_grad;
  KnownTokens known{.ids = vae.tokens(picture, grids), .known = {}};
  const auto share = paint.to(picture.device(), at::kFloat).view({1, 1, paint.size(0), paint.size(1)});
  for (const auto& grid : grids)
    known.known.push_back(
        at::adaptive_avg_pool2d(share, {grid.height, grid.width}).le(0.5).view({1, grid.tokens()}));
  return known;
}

}  // namespace arzoo::image
