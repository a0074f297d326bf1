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

/// Largest deviation of a line in a solid that fills [-1, 1], and by its length.
constexpr double kStraight = 0.006, kStraightShare = 0.03;

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
    constexpr int kRounds = 20;
    constexpr double kStill = 1e-12;
    std::vector<std::set<std::size_t>> around(skeleton_.vertices.size());
    for (const auto& coedge : skeleton_.coedges) {
      for (const int64_t end : coedge.vertices)
        around[static_cast<std::size_t>(end)].insert(static_cast<std::size_t>(coedge.face));
    }
    for (std::size_t v = 0; v < around.size(); ++v) {
      auto& point = skeleton_.vertices[v];
      for (int round = 0; round < kRounds; ++round) {
        const auto before = point;
        point = onto_planes(point, around[v]);
        for (const auto face : around[v]) {
          const auto& regular = regular_[face];
          if (regular.kind != Kind::cylinder) continue;
          const auto arm = from_axis(regular, point);
          if (norm(arm) > 0.0) point = plus(point, times(unit(arm), regular.radius - norm(arm)));
        }
        if (norm(minus(point, before)) < kStill) break;
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
      const auto circle = fitted_cylinder(coedge.points, plane.direction);
      if (is_round(circle)) return circle.face;
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

void make_regular(std::vector<Points>& faces, BrepSkeleton& skeleton, int64_t side) {
  const torch::NoGradGuard no_grad;
  Regularisation(faces, skeleton, side).run();
}

}  // namespace arzoo::shape3d
