#include "shape3d/solids/brep_rebuild.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/error.h"
#include "shape3d/solids/vertex_clusters.h"

namespace arzoo::shape3d {
namespace {

struct PlacedBox {
  WorldPoint centre;
  double size;
};
PlacedBox placed(const io::Box6& box) {
  PlacedBox place{{}, 0.0};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    place.centre[axis] = static_cast<double>((box[axis] + box[axis + 3]) / 2);
    place.size = std::max(place.size, static_cast<double>(box[axis + 3] - box[axis]));
  }
  return place;
}

/// Points of a list of floats.
std::vector<WorldPoint> points_of(const std::vector<float>& list, int64_t first, int64_t count) {
  std::vector<WorldPoint> points(static_cast<std::size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    for (std::size_t axis = 0; axis < 3; ++axis)
      points[static_cast<std::size_t>(i)][axis] =
          static_cast<double>(list[static_cast<std::size_t>(3 * (first + i)) + axis]);
  }
  return points;
}

std::vector<WorldPoint> world(std::vector<WorldPoint> points, const PlacedBox& box) {
  for (auto& point : points) {
    for (std::size_t axis = 0; axis < 3; ++axis)
      point[axis] = point[axis] * (box.size / 2) + box.centre[axis];
  }
  return points;
}

/// The curve scaled, turned and moved so that it ends at its vertices; what is left is spread over it.
std::vector<WorldPoint> pulled(std::vector<WorldPoint> curve, const WorldPoint& start,
                               const WorldPoint& end) {
  const double scale = norm(minus(start, end)) / norm(minus(curve.front(), curve.back()));
  for (auto& point : curve) {
    for (auto& x : point) x *= scale;
  }
  const auto difference = [&](const WorldPoint& a, const WorldPoint& b) {
    double sum = 0.0;
    for (std::size_t axis = 0; axis < 3; ++axis)
      sum += std::abs((start[axis] - a[axis]) - (end[axis] - b[axis]));
    return sum;
  };
  if (difference(curve.back(), curve.front()) < difference(curve.front(), curve.back()))
    std::reverse(curve.begin(), curve.end());
  const auto first = curve.front(), last = curve.back();
  for (auto& point : curve) {
    for (std::size_t axis = 0; axis < 3; ++axis)
      point[axis] += ((start[axis] - first[axis]) + (end[axis] - last[axis])) / 2;
  }
  const auto left_start = minus(start, curve.front()), left_end = minus(end, curve.back());
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(curve.size() - 1);
    for (std::size_t axis = 0; axis < 3; ++axis)
      curve[i][axis] += left_start[axis] * (1.0 - share) + left_end[axis] * share;
  }
  return curve;
}

struct Bounds {
  WorldPoint low{HUGE_VAL, HUGE_VAL, HUGE_VAL}, high{-HUGE_VAL, -HUGE_VAL, -HUGE_VAL};
  void add(const WorldPoint& point) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      low[axis] = std::min(low[axis], point[axis]);
      high[axis] = std::max(high[axis], point[axis]);
    }
  }
};

/// A set of small whole numbers in CPython's order of iteration, which the official code takes the first of.
class HashedInts {
 public:
  void add(int64_t value) {
    insert(table_, value);
    ++used_;
    if (used_ * 5 < (table_.size() - 1) * 3) return;
    std::size_t size = 8;
    while (size <= used_ * 4) size *= 2;
    std::vector<int64_t> larger(size, kEmpty);
    for (const int64_t held : table_) {
      if (held != kEmpty) insert(larger, held);
    }
    table_ = std::move(larger);
  }
  int64_t first() const {
    return *std::find_if(table_.begin(), table_.end(), [](int64_t held) { return held != kEmpty; });
  }

 private:
  static constexpr int64_t kEmpty = -1;
  static void insert(std::vector<int64_t>& table, int64_t value) {
    constexpr std::size_t kProbes = 9;
    const auto mask = table.size() - 1;
    auto perturb = static_cast<std::size_t>(value);
    for (std::size_t slot = perturb & mask;;) {
      const auto probes = slot + kProbes <= mask ? kProbes : 0;
      for (std::size_t i = 0; i <= probes; ++i) {
        if (table[slot + i] != kEmpty) continue;
        table[slot + i] = value;
        return;
      }
      perturb >>= 5;
      slot = (slot * 5 + 1 + perturb) & mask;
    }
  }
  std::vector<int64_t> table_ = std::vector<int64_t>(8, kEmpty);
  std::size_t used_ = 0;
};

/// The first of 0 … count - 1 that is not among those taken, in the order of Python's set difference.
int64_t first_left(int64_t count, const std::vector<bool>& taken, int64_t taken_count) {
  HashedInts rest;
  int64_t lowest = -1;
  for (int64_t i = 0; i < count; ++i) {
    if (taken[static_cast<std::size_t>(i)]) continue;
    if (lowest < 0) lowest = i;
    rest.add(i);
  }
  // Where little is taken away the whole set is copied, which keeps its order.
  return lowest < 0 || count / 4 > taken_count ? lowest : rest.first();
}

}  // namespace

BrepSkeleton merged_skeleton(const io::BrepGraph& graph, double vertex_threshold) {
  BrepSkeleton skeleton;
  std::vector<std::vector<int64_t>> edges_of(static_cast<std::size_t>(graph.faces()));
  for (int64_t edge = 0; edge < graph.edges(); ++edge) {
    for (const int32_t face : graph.edge_faces[static_cast<std::size_t>(edge)])
      edges_of[static_cast<std::size_t>(face)].push_back(edge);
  }
  std::vector<WorldPoint> ends;
  std::vector<std::vector<WorldPoint>> curves;
  for (int64_t face = 0; face < graph.faces(); ++face) {
    skeleton.first_coedge.push_back(static_cast<int64_t>(skeleton.coedges.size()));
    for (const int64_t edge : edges_of[static_cast<std::size_t>(face)]) {
      curves.push_back(points_of(graph.edge_points, edge * graph.side, graph.side));
      const auto placed_curve =
          world(curves.back(), placed(graph.edge_boxes[static_cast<std::size_t>(edge)]));
      ends.push_back(placed_curve.front());
      ends.push_back(placed_curve.back());
      skeleton.coedges.push_back({face, edge, {}, {}});
    }
  }
  skeleton.first_coedge.push_back(static_cast<int64_t>(skeleton.coedges.size()));
  const auto clusters = vertex_clusters(ends, skeleton.first_coedge, vertex_threshold);
  skeleton.vertices = clusters.vertices;
  for (std::size_t i = 0; i < skeleton.coedges.size(); ++i) {
    auto& coedge = skeleton.coedges[i];
    coedge.vertices = {clusters.of_end[2 * i], clusters.of_end[2 * i + 1]};
    coedge.points = pulled(curves[i], skeleton.vertices[static_cast<std::size_t>(coedge.vertices[0])],
                           skeleton.vertices[static_cast<std::size_t>(coedge.vertices[1])]);
    for (const auto& point : coedge.points) {
      if (!std::isfinite(point[0] + point[1] + point[2]))
        fail<DataError>("edge {} begins where it ends, expected two vertices", coedge.edge);
    }
  }
  return skeleton;
}

std::vector<std::vector<int64_t>> linked_loops(const std::vector<std::array<int64_t, 2>>& vertices) {
  const auto count = static_cast<int64_t>(vertices.size());
  std::vector<std::vector<int64_t>> loops;
  std::vector<bool> taken(vertices.size(), false);
  std::set<int64_t> seen;
  int64_t ordered = 0, start = 0;
  while (ordered < count) {
    auto& loop = loops.emplace_back();
    const auto take = [&](int64_t coedge) {
      taken[static_cast<std::size_t>(coedge)] = true;
      loop.push_back(coedge);
      ++ordered;
    };
    take(start);
    const auto& own = vertices[static_cast<std::size_t>(start)];
    seen.insert(own.begin(), own.end());
    int64_t next = own[1];
    while (true) {
      std::vector<int64_t> found;
      for (int64_t i = 0; i < count; ++i) {
        const auto& pair = vertices[static_cast<std::size_t>(i)];
        if (!taken[static_cast<std::size_t>(i)] && (pair[0] == next || pair[1] == next)) found.push_back(i);
      }
      if (found.empty()) break;
      for (const int64_t coedge : found) take(coedge);
      const auto& pair = vertices[static_cast<std::size_t>(found.front())];
      const bool old_0 = seen.contains(pair[0]), old_1 = seen.contains(pair[1]);
      if (old_0 && old_1) break;
      next = old_0 ? pair[1] : pair[0];
      seen.insert(pair.begin(), pair.end());
    }
    if (ordered == count) break;
    start = first_left(count, taken, ordered);
  }
  return loops;
}

std::vector<std::vector<WorldPoint>> placed_faces(const io::BrepGraph& graph, const BrepSkeleton& skeleton) {
  const int64_t points =
      static_cast<int64_t>(graph.face_points.size()) / std::max<int64_t>(1, 3 * graph.faces());
  std::vector<std::vector<WorldPoint>> faces;
  for (int64_t face = 0; face < graph.faces(); ++face) {
    auto box = placed(graph.face_boxes[static_cast<std::size_t>(face)]);
    Bounds edges;
    for (auto i = skeleton.first_coedge[static_cast<std::size_t>(face)];
         i < skeleton.first_coedge[static_cast<std::size_t>(face) + 1]; ++i) {
      for (const auto& point : skeleton.coedges[static_cast<std::size_t>(i)].points) edges.add(point);
    }
    double reach = 0.0;
    for (std::size_t axis = 0; axis < 3; ++axis) reach = std::max(reach, edges.high[axis] - edges.low[axis]);
    if (box.size < reach) box.size = 1.05 * reach;
    faces.push_back(world(points_of(graph.face_points, face * points, points), box));
  }
  return faces;
}

}  // namespace arzoo::shape3d
