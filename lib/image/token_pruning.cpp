#include "image/token_pruning.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

namespace arzoo::image {

bool TokenPruning::prunes(std::size_t scale) const {
  return scale > 0 && scale < shares_.size() && shares_[scale] > 0.0 && kept(scale) < grids_[scale].tokens();
}

int64_t TokenPruning::kept(std::size_t scale) const {
  const auto tokens = static_cast<double>(grids_[scale].tokens());
  return std::max<int64_t>(std::llround(tokens * (1.0 - shares_[scale])), 1);
}

void TokenPruning::begin_pass(std::size_t scale, bool alone, std::size_t blocks) {
  scale_ = scale;
  pruned_ = alone && prunes(scale);
  remembered_ = !pruned_ && prunes(scale + 1);
  if (!remembered_) return;
  for (auto& branch : last_) branch.assign(blocks, {});
}

at::Tensor TokenPruning::pivots(const at::Tensor& x) const {
  if (!pruned_) return {};
  const auto distance = (x - x.mean(1, /*keepdim=*/true)).square().sum(-1);
  return std::get<0>(std::get<1>(distance.topk(kept(scale_), 1)).sort(1));
}

at::Tensor TokenPruning::whole(const at::Tensor& made, const at::Tensor& pivots, std::size_t block,
                               Branch branch) {
  auto& last = last_[static_cast<std::size_t>(branch)];
  if (remembered_) {
    const auto& grid = grids_[scale_];
    const auto of_scale = made.narrow(1, made.size(1) - grid.tokens(), grid.tokens());
    last[block] = of_scale.transpose(1, 2).reshape({made.size(0), made.size(2), grid.height, grid.width});
  }
  if (!pruned_) return made;
  const auto& grid = grids_[scale_];
  // A block that the remembered scale did not pass adds nothing to the tokens that it skips.
  auto all = block < last.size() && last[block].defined()
                 ? at::upsample_bilinear2d(last[block], {grid.height, grid.width}, /*align_corners=*/false)
                       .flatten(2)
                       .transpose(1, 2)
                       .contiguous()
                 : at::zeros({made.size(0), grid.tokens(), made.size(2)}, made.options());
  return all.scatter_(1, pivots.unsqueeze(-1).expand_as(made), made);
}

at::Tensor rows_at(const at::Tensor& x, const at::Tensor& index) {
  if (!index.defined()) return x;
  return x.gather(1, index.unsqueeze(-1).expand({-1, -1, x.size(2)}));
}

}  // namespace arzoo::image
