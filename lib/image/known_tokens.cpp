#include "image/known_tokens.h"

#include <torch/torch.h>

namespace arzoo::image {

at::Tensor cells_outside(const at::Tensor& paint, const Grid& grid) {
  const auto share = paint.to(at::kFloat).view({1, 1, paint.size(0), paint.size(1)});
  return at::adaptive_avg_pool2d(share, {grid.height, grid.width}).le(0.5).view({1, grid.tokens()});
}

KnownTokens tokens_outside(Vqvae& vae, const Grids& grids, const at::Tensor& picture,
                           const at::Tensor& paint) {
  const torch::NoGradGuard no_grad;
  KnownTokens known{.ids = vae.tokens(picture, grids), .known = {}};
  for (const auto& grid : grids) known.known.push_back(cells_outside(paint.to(picture.device()), grid));
  return known;
}

}  // namespace arzoo::image
