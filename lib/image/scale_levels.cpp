#include "image/scale_levels.h"

#include <torch/torch.h>

#include <limits>

namespace arzoo::image {

at::Tensor scale_levels(const Grids& grids) {
  std::vector<at::Tensor> levels;
  for (std::size_t k = 0; k < grids.size(); ++k)
    levels.push_back(at::full({grids[k].tokens()}, static_cast<int64_t>(k), at::kLong));
  return at::cat(levels).view({1, -1});
}

at::Tensor block_causal_bias(const at::Tensor& levels) {
  const auto hidden = levels.view({-1, 1}).lt(levels.view({1, -1}));
  const int64_t tokens = levels.numel();
  return at::zeros({tokens, tokens})
      .masked_fill_(hidden, -std::numeric_limits<double>::infinity())
      .view({1, 1, tokens, tokens});
}

}  // namespace arzoo::image
