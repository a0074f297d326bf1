#include "shape3d/solids/regular_solid.h"

#include <torch/torch.h>

#include <algorithm>
#include <numbers>
#include <optional>
#include <set>
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
constexpr double kStraight = 0.006,
                 kStraightShare = 0.03;  ///< largest deviation of a line, and by its length
constexpr double kSame = 0.03;           ///< between axes, or radii, that are the same
const double kAligned = std::cos(5.0 * std::numbers::pi / 180.0);

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

/// The cylinder about an axis of this direction through points, by the least squares of x^2 + y^2 = 2 a x +
/// 2 b y + c, and how far they lie from it.
std::pair<RegularFace, double> fitted_cylinder(const Points& points, const WorldPoint& direction) {
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

/// What lies at right angles to the axis from it to a point.
WorldPoint from_axis(const RegularFace& cylinder, const WorldPoint& point) {
  const auto offset = minus(point, cylinder.origin);
  return minus(offset, times(cylinder.direction, dot(offset, cylinder.direction)));
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

bool is_same_cylinder(const RegularFace& a, const RegularFace& b) {
  return a.kind == Kind::cylinder && b.kind == Kind::cylinder && a.radius == b.radius && a.origin == b.origin;
}

/// The solid's vertices, edges and faces as they become regular.
class Regularisation {
 public:
  Regularisation(std::vector<Points>& faces, BrepSkeleton& skeleton, int64_t side)
      : faces_(faces), skeleton_(skeleton), side_(side), regular_(recognised_faces(faces, skeleton)) {
    for (const auto& coedge : skeleton.coedges) {
      const auto edge = static_cast<std::size_t>(coedge.edge);
      if (faces_of_edge_.size() <= edge) faces_of_edge_.resize(edge + 1);
      faces_of_edge_[edge].push_back(static_cast<std::size_t>(coedge.face));
    }
  }

  void run() {
    move_vertices();
    align_seams();
    move_vertices();
    for (auto& coedge : skeleton_.coedges) coedge.points = regular_edge(coedge);
    for (std::size_t face = 0; face < faces_.size(); ++face) {
      if (regular_[face].kind == Kind::plane) faces_[face] = plane_points(face);
      if (regular_[face].kind == Kind::cylinder) faces_[face] = cylinder_points(face);
    }
  }

 private:
  const WorldPoint& vertex(const Coedge& coedge, std::size_t end) const {
    return skeleton_.vertices[static_cast<std::size_t>(coedge.vertices[end])];
  }

  /// Alternately onto the planes, by least squares close to where the vertex is, and onto the cylinders.
  void move_vertices() {
    std::vector<std::set<std::size_t>> around(skeleton_.vertices.size());
    for (const auto& coedge : skeleton_.coedges) {
      for (const int64_t end : coedge.vertices)
        around[static_cast<std::size_t>(end)].insert(static_cast<std::size_t>(coedge.face));
    }
    for (std::size_t v = 0; v < around.size(); ++v) {
      auto& point = skeleton_.vertices[v];
      for (int round = 0; round < 20; ++round) {
        point = onto_planes(point, around[v]);
        for (const auto face : around[v]) {
          const auto& regular = regular_[face];
          if (regular.kind != Kind::cylinder) continue;
          const auto arm = from_axis(regular, point);
          if (norm(arm) > 0.0) point = plus(point, times(unit(arm), regular.radius - norm(arm)));
        }
      }
    }
  }

  WorldPoint onto_planes(const WorldPoint& point, const std::set<std::size_t>& around) const {
    constexpr double kStay = 1e-6;
    at::Tensor normal = kStay * at::eye(3, at::kDouble);
    WorldPoint right{};
    bool any = false;
    for (const auto face : around) {
      const auto& plane = regular_[face];
      if (plane.kind != Kind::plane) continue;
      any = true;
      const auto n = tensor_of({plane.direction});
      normal = normal + n.t().matmul(n);
      // Of what is still to go, so that the point stays where no plane says otherwise.
      right = plus(right, times(plane.direction, dot(plane.direction, minus(plane.origin, point))));
    }
    return any ? plus(point, point_of(at::linalg_solve(normal, tensor_of({right}).squeeze(0)))) : point;
  }

  /// A line along a cylinder, between its halves, begins and ends at the same angle.
  void align_seams() {
    for (const auto& coedge : skeleton_.coedges) {
      const auto& pair = faces_of_edge_[static_cast<std::size_t>(coedge.edge)];
      if (pair.size() != 2 || !is_same_cylinder(regular_[pair[0]], regular_[pair[1]]) || !is_straight(coedge))
        continue;
      const auto& cylinder = regular_[pair[0]];
      const auto arm = times(unit(plus(unit(from_axis(cylinder, vertex(coedge, 0))),
                                       unit(from_axis(cylinder, vertex(coedge, 1))))),
                             cylinder.radius);
      for (const int64_t end : coedge.vertices) {
        auto& point = skeleton_.vertices[static_cast<std::size_t>(end)];
        point = plus(point, minus(arm, from_axis(cylinder, point)));
      }
    }
  }

  static bool is_straight(const Coedge& coedge) {
    const auto chord = minus(coedge.points.back(), coedge.points.front());
    const auto direction = unit(chord);
    double largest = 0.0;
    for (const auto& point : coedge.points) {
      const auto offset = minus(point, coedge.points.front());
      largest = std::max(largest, norm(minus(offset, times(direction, dot(offset, direction)))));
    }
    return largest < kStraight + kStraightShare * norm(chord);
  }

  /// The circle that an edge follows: where a cylinder meets a plane across it, or in a plane through its
  /// ends and its middle.
  std::optional<RegularFace> circle_of(const Coedge& coedge) const {
    const auto& pair = faces_of_edge_[static_cast<std::size_t>(coedge.edge)];
    for (const auto face : pair) {
      const auto& cylinder = regular_[face];
      if (cylinder.kind != Kind::cylinder) continue;
      const auto along = dot(minus(vertex(coedge, 0), vertex(coedge, 1)), cylinder.direction);
      if (std::abs(along) < 1e-6) return cylinder;
    }
    for (const auto face : pair) {
      const auto& plane = regular_[face];
      if (plane.kind != Kind::plane) continue;
      auto [circle, deviation] = fitted_cylinder(coedge.points, plane.direction);
      if (deviation < kRound + kRoundShare * circle.radius && circle.radius < kLargestRadius) return circle;
    }
    return std::nullopt;
  }

  Points regular_edge(const Coedge& coedge) const {
    if (is_straight(coedge)) return moved_ends(line(coedge), coedge);
    if (const auto circle = circle_of(coedge)) return moved_ends(arc(coedge, *circle), coedge);
    return moved_ends(coedge.points, coedge);
  }

  Points line(const Coedge& coedge) const {
    Points points;
    for (int64_t i = 0; i < side_; ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(side_ - 1);
      points.push_back(plus(times(vertex(coedge, 0), 1.0 - share), times(vertex(coedge, 1), share)));
    }
    return points;
  }

  /// From vertex to vertex, on the side on which the decoded edge's middle lies.
  Points arc(const Coedge& coedge, const RegularFace& circle) const {
    const auto first = from_axis(circle, vertex(coedge, 0)), last = from_axis(circle, vertex(coedge, 1)),
               middle = from_axis(circle, coedge.points[coedge.points.size() / 2]);
    const auto u = unit(first), v = cross(circle.direction, u);
    const auto angle_of = [&](const WorldPoint& arm) {
      const double angle = std::atan2(dot(arm, v), dot(arm, u));
      return angle < 0.0 ? angle + 2.0 * std::numbers::pi : angle;
    };
    double end = angle_of(last);
    if (angle_of(middle) > end) end -= 2.0 * std::numbers::pi;
    const auto centre = minus(vertex(coedge, 0), first);
    Points points;
    for (int64_t i = 0; i < side_; ++i) {
      const double angle = end * static_cast<double>(i) / static_cast<double>(side_ - 1);
      points.push_back(plus(
          centre, plus(times(u, norm(first) * std::cos(angle)), times(v, norm(first) * std::sin(angle)))));
    }
    return points;
  }

  /// What is left to the vertices is spread over the edge.
  Points moved_ends(Points points, const Coedge& coedge) const {
    const auto first = minus(vertex(coedge, 0), points.front()),
               last = minus(vertex(coedge, 1), points.back());
    for (std::size_t i = 0; i < points.size(); ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(points.size() - 1);
      points[i] = plus(points[i], plus(times(first, 1.0 - share), times(last, share)));
    }
    return points;
  }

  template <class Visit>
  void for_edge_points(std::size_t face, const Visit& visit) const {
    for (auto i = skeleton_.first_coedge[face]; i < skeleton_.first_coedge[face + 1]; ++i) {
      for (const auto& point : skeleton_.coedges[static_cast<std::size_t>(i)].points) visit(point);
    }
  }

  /// What a face's edges cover of two coordinates, and a margin.
  struct Range {
    double low = HUGE_VAL, high = -HUGE_VAL;
    void add(double x) {
      low = std::min(low, x);
      high = std::max(high, x);
    }
    double at(int64_t i, int64_t side, double margin) const {
      const double share = static_cast<double>(i) / static_cast<double>(side - 1);
      return low - margin + share * (high - low + 2.0 * margin);
    }
  };

  Points plane_points(std::size_t face) const {
    const auto& plane = regular_[face];
    const auto u = across(plane.direction), v = cross(plane.direction, u);
    Range along_u, along_v;
    for_edge_points(face, [&](const WorldPoint& point) {
      along_u.add(dot(minus(point, plane.origin), u));
      along_v.add(dot(minus(point, plane.origin), v));
    });
    const double margin = 0.025 * std::max(along_u.high - along_u.low, along_v.high - along_v.low);
    Points points;
    for (int64_t i = 0; i < side_; ++i) {
      for (int64_t j = 0; j < side_; ++j)
        points.push_back(plus(plane.origin, plus(times(u, along_u.at(i, side_, margin)),
                                                 times(v, along_v.at(j, side_, margin)))));
    }
    return points;
  }

  Points cylinder_points(std::size_t face) const {
    const auto& cylinder = regular_[face];
    WorldPoint middle{};
    for (const auto& point : faces_[face]) middle = plus(middle, unit(from_axis(cylinder, point)));
    const auto u = unit(middle), v = cross(cylinder.direction, u);
    Range angles, heights;
    for_edge_points(face, [&](const WorldPoint& point) {
      const auto arm = from_axis(cylinder, point);
      angles.add(std::atan2(dot(arm, v), dot(arm, u)));
      heights.add(dot(minus(point, cylinder.origin), cylinder.direction));
    });
    const double spare = 2.0 * std::numbers::pi - (angles.high - angles.low);
    const double turn = std::clamp(spare / 4.0, 0.0, 0.1), margin = 0.025 * (heights.high - heights.low);
    Points points;
    for (int64_t i = 0; i < side_; ++i) {
      const double angle = angles.at(i, side_, turn);
      const auto arm =
          plus(times(u, cylinder.radius * std::cos(angle)), times(v, cylinder.radius * std::sin(angle)));
      for (int64_t j = 0; j < side_; ++j)
        points.push_back(
            plus(plus(cylinder.origin, arm), times(cylinder.direction, heights.at(j, side_, margin))));
    }
    return points;
  }

  std::vector<Points>& faces_;
  BrepSkeleton& skeleton_;
  int64_t side_;
  std::vector<RegularFace> regular_;
  std::vector<std::vector<std::size_t>> faces_of_edge_ = {};
};

}  // namespace

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
      const auto [cylinder, deviation] = fitted_cylinder(points, direction);
      if (deviation >= least || cylinder.radius > kLargestRadius ||
          deviation > kRound + kRoundShare * cylinder.radius)
        continue;
      least = deviation;
      regular[face] = cylinder;
    }
  }
  share_axes(regular);
  return regular;
}

void make_regular(std::vector<Points>& faces, BrepSkeleton& skeleton, int64_t side) {
  const torch::NoGradGuard no_grad;
  Regularisation(faces, skeleton, side).run();
}

}  // namespace arzoo::shape3d
