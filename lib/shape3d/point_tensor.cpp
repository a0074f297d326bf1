#include "shape3d/point_tensor.h"

#include <torch/torch.h>

namespace arzoo::shape3d {

static_assert(sizeof(io::Vec3) == 3 * sizeof(float));

at::Tensor tensor_of(std::span<const io::Vec3> points) {
  auto tensor = at::empty({static_cast<int64_t>(points.size()), 3});
  std::copy(points.begin(), points.end(), reinterpret_cast<io::Vec3*>(tensor.mutable_data_ptr<float>()));
  return tensor;
}

at::Tensor tensor_of(const SurfacePoints& points) {
  return at::cat({tensor_of(points.points), tensor_of(points.normals)}, 1);
}

std::vector<io::Vec3> points_of(const at::Tensor& points) {
  const auto rows = points.detach().to(at::kCPU, at::kFloat).contiguous();
  const auto* first = reinterpret_cast<const io::Vec3*>(rows.const_data_ptr<float>());
  return {first, first + rows.size(0)};
}

}  // namespace arzoo::shape3d
