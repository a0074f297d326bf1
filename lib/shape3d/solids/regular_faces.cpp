#include "shape3d/solids/regular_faces.h"

#include <torch/torch.h>

#include <algorithm>
#include <numbers>
#include <utility>

namespace arzoo::shape3d {
namespace {

using Kind = RegularFace::Kind;
using Points = std::vector<WorldPoint>;

// Distances are those of solids that fill [-1, 1]: a decoded edge is within a hundredth or two.
constexpr double kFlat = 0.008,
                 kFlatShare = 0.012;  ///< mean deviation of a plane's edges, and by their extent
constexpr double kRound = 0.02, kRoundShare = 0.06;  ///< of a cylinder's points, and by its radius
constexpr double kLargestRadius = 2.0;
constexpr double kSame = 0.03;  ///< between axes, or radii, that are the same
const double kAligned = std::cos(5.0 * std::numbers::pi / 180.0);

/// The coordinate axis that a direction nearly is; itself where there is none.
WorldPoint aligned(const WorldPoint& direction) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (std::abs(direction[axis]) < kAligned) continue;
    WorldPoint exact{};
    exact[axis] = 1.0;
    return exact;
  }
  return direction;
}

double extent(const Points& points) {
  const auto all = tensor_of(points);
  return (all.amax(0) - all.amin(0)).max().item<double>() / 2.0;
}

/// The plane through points, and how far they lie from it on average (root of the mean square).
std::pair<RegularFace, double> fitted_plane(const Points& points) {
  const auto all = tensor_of(points), centre = all.mean(0), offsets = all - centre;
  const auto normal = std::get<1>(at::linalg_eigh(offsets.t().matmul(offsets))).select(1, 0);
  RegularFace face{Kind::plane, aligned(point_of(normal)), point_of(centre)};
  const auto distances = offsets.matmul(tensor_of({face.direction}).squeeze(0));
  return {face, distances.square().mean().sqrt().item<double>()};
}

bool are_parallel(const WorldPoint& a, const WorldPoint& b) { return std::abs(dot(a, b)) > 0.999; }

/// Faces with one axis share it, and their radius where it is the same.
void share_axes(std::vector<RegularFace>& faces) {
  const auto share = [&](auto same, auto set) {
    std::vector<bool> done(faces.size(), false);
    for (std::size_t i = 0; i < faces.size(); ++i) {
      if (faces[i].kind != Kind::cylinder || done[i]) continue;
      std::vector<std::size_t> group;
      for (std::size_t j = i; j < faces.size(); ++j) {
        if (faces[j].kind == Kind::cylinder && !done[j] &&
            are_parallel(faces[i].direction, faces[j].direction) &&
            norm(from_axis(faces[i], faces[j].origin)) < kSame && same(faces[i], faces[j])) {
          done[j] = true;
          group.push_back(j);
        }
      }
      set(group);
    }
  };
  share([](const auto&, const auto&) { return true; },
        [&](const std::vector<std::size_t>& group) {
          WorldPoint mean{};
          for (const auto i : group)
            mean = plus(mean, times(faces[i].origin, 1.0 / static_cast<double>(group.size())));
          const auto direction = faces[group.front()].direction;
          for (const auto i : group) {
            faces[i].direction = direction;
            faces[i].origin = minus(mean, times(direction, dot(mean, direction)));
          }
        });
  share([](const auto& a, const auto& b) { return std::abs(a.radius - b.radius) < kSame; },
        [&](const std::vector<std::size_t>& group) {
          double mean = 0.0;
          for (const auto i : group) mean += faces[i].radius / static_cast<double>(group.size());
          for (const auto i : group) faces[i].radius = mean;
        });
}

}  // namespace

at::Tensor tensor_of(const Points& points) {
  auto tensor = at::empty({static_cast<int64_t>(points.size()), 3}, at::kDouble);
  auto* to = tensor.mutable_data_ptr<double>();
  for (const auto& point : points) to = std::copy(point.begin(), point.end(), to);
  return tensor;
}

WorldPoint point_of(const at::Tensor& x) {
  const auto own = x.contiguous();
  const auto* data = own.const_data_ptr<double>();
  return {data[0], data[1], data[2]};
}

FittedFace fitted_cylinder(const Points& points, const WorldPoint& direction) {
  const auto u = across(direction), v = cross(direction, u);
  const auto all = tensor_of(points), flat = all.matmul(tensor_of({u, v}).t().contiguous());  // [N, 2]
  const auto squares = flat.square().sum(1, /*keepdim=*/true);
  const auto unknowns = at::cat({2.0 * flat, at::ones_like(squares)}, 1);
  const auto normal = unknowns.t().matmul(unknowns) + 1e-9 * at::eye(3, at::kDouble);
  const auto solved = point_of(at::linalg_solve(normal, unknowns.t().matmul(squares)));
  const double radius = std::sqrt(std::max(0.0, solved[2] + solved[0] * solved[0] + solved[1] * solved[1]));
  const auto origin = plus(times(u, solved[0]), times(v, solved[1]));
  const auto centre = tensor_of({{solved[0], solved[1], 0.0}}).narrow(1, 0, 2);
  const auto distances = (flat - centre).square().sum(1).sqrt() - radius;
  return {{Kind::cylinder, direction, origin, radius}, distances.square().mean().sqrt().item<double>()};
}

bool is_round(const FittedFace& cylinder) {
  return cylinder.face.radius <= kLargestRadius &&
         cylinder.deviation <= kRound + kRoundShare * cylinder.face.radius;
}

WorldPoint from_axis(const RegularFace& cylinder, const WorldPoint& point) {
  const auto offset = minus(point, cylinder.origin);
  return minus(offset, times(cylinder.direction, dot(offset, cylinder.direction)));
}

std::vector<RegularFace> recognised_faces(const std::vector<Points>& faces, const BrepSkeleton& skeleton) {
  std::vector<RegularFace> regular(faces.size());
  std::vector<Points> edges(faces.size());
  std::vector<WorldPoint> directions{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
  for (std::size_t face = 0; face < faces.size(); ++face) {
    for (auto i = skeleton.first_coedge[face]; i < skeleton.first_coedge[face + 1]; ++i) {
      const auto& own = skeleton.coedges[static_cast<std::size_t>(i)].points;
      edges[face].insert(edges[face].end(), own.begin(), own.end());
    }
    if (edges[face].empty()) continue;
    const auto [plane, deviation] = fitted_plane(edges[face]);
    if (deviation > kFlat + kFlatShare * extent(edges[face])) continue;
    regular[face] = plane;
    const bool known = std::any_of(directions.begin(), directions.end(),
                                   [&, &n = plane.direction](const auto& d) { return are_parallel(d, n); });
    if (!known) directions.push_back(plane.direction);
  }
  // Axes are those of the solid's planes.
  for (std::size_t face = 0; face < faces.size(); ++face) {
    if (regular[face].kind == Kind::plane || edges[face].empty()) continue;
    auto points = edges[face];
    points.insert(points.end(), faces[face].begin(), faces[face].end());
    double least = HUGE_VAL;
    for (const auto& direction : directions) {
      const auto cylinder = fitted_cylinder(points, direction);
      if (cylinder.deviation >= least || !is_round(cylinder)) continue;
      least = cylinder.deviation;
      regular[face] = cylinder.face;
    }
  }
  share_axes(regular);
  return regular;
}

}  // namespace arzoo::shape3d
