// fit_faces of brep_rebuild.h: the one step of rebuilding that needs gradients.

#include <torch/torch.h>

#include "shape3d/solids/brep_rebuild.h"

namespace arzoo::shape3d {
namespace {

at::Tensor tensor_of_points(const std::vector<WorldPoint>& points) {
  auto tensor = at::empty({static_cast<int64_t>(points.size()), 3}, at::kFloat);
  auto* to = tensor.mutable_data_ptr<float>();
  for (const auto& point : points) {
    for (const double x : point) *to++ = static_cast<float>(x);
  }
  return tensor;
}

at::Tensor chamfer(const at::Tensor& a, const at::Tensor& b) {
  const auto distances = at::cdist(a, b);
  return std::get<0>(distances.min(1)).mean() + std::get<0>(distances.min(0)).mean();
}

}  // namespace

void fit_faces(std::vector<std::vector<WorldPoint>>& faces, const BrepSkeleton& skeleton, int64_t steps) {
  const torch::AutoGradMode with_grad(true);
  std::vector<at::Tensor> surfaces, edges;
  for (std::size_t face = 0; face < faces.size(); ++face) {
    surfaces.push_back(tensor_of_points(faces[face]));
    std::vector<WorldPoint> points;
    for (auto i = skeleton.first_coedge[face]; i < skeleton.first_coedge[face + 1]; ++i) {
      const auto& own = skeleton.coedges[static_cast<std::size_t>(i)].points;
      points.insert(points.end(), own.begin(), own.end());
    }
    edges.push_back(tensor_of_points(points));
  }
  const auto count = static_cast<int64_t>(faces.size());
  // Officially a scale stands beside the offsets, which nothing uses.
  auto offsets = at::zeros({count, 3}, at::kFloat).requires_grad_(true);
  torch::optim::AdamW optimizer(
      std::vector<at::Tensor>{offsets},
      torch::optim::AdamWOptions(1e-3).betas({0.95, 0.999}).weight_decay(1e-6).eps(1e-8));
  at::Tensor used;
  for (int64_t step = 0; step < steps; ++step) {
    used = offsets.detach().clone();
    at::Tensor loss = at::zeros({}, at::kFloat);
    for (int64_t face = 0; face < count; ++face) {
      const auto i = static_cast<std::size_t>(face);
      if (edges[i].size(0) > 0) loss = loss + chamfer(surfaces[i] + offsets[face], edges[i]);
    }
    optimizer.zero_grad();
    (loss / static_cast<double>(count)).backward();
    optimizer.step();
  }
  for (std::size_t face = 0; face < faces.size(); ++face) {
    for (auto& point : faces[face]) {
      for (int64_t axis = 0; axis < 3; ++axis)
        point[static_cast<std::size_t>(axis)] += used[static_cast<int64_t>(face)][axis].item<double>();
    }
  }
}

}  // namespace arzoo::shape3d
