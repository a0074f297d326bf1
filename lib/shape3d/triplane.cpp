#include "shape3d/triplane.h"

#include <torch/torch.h>

namespace arzoo::shape3d {

at::Tensor plane_coordinates(const at::Tensor& points, std::size_t plane) {
  const auto [first, second] = kPlaneAxes[plane];
  return at::stack({points.select(2, first), points.select(2, second)}, 2);
}

at::Tensor sample_plane(const at::Tensor& map, const at::Tensor& places, bool nearest) {
  constexpr int64_t kBilinear = 0, kNearest = 1, kBorder = 1;
  return at::grid_sampler(map, places.unsqueeze(2), nearest ? kNearest : kBilinear, kBorder,
                          /*align_corners=*/true)
      .squeeze(3)
      .transpose(1, 2);
}

}  // namespace arzoo::shape3d
