#include "shape3d/solids/canonical_grids.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace arzoo::shape3d {
namespace {

using GridPoint = std::array<float, 3>;

/// A square grid of points inside of a list.
class GridView {
 public:
  GridView(float* points, int64_t side) : points_(points), side_(side) {}
  GridPoint at(int64_t row, int64_t column) const {
    const float* p = points_ + 3 * (row * side_ + column);
    return {p[0], p[1], p[2]};
  }
  /// Point (row, column) becomes what source(row, column) names.
  template <class Source>
  void reorder(const Source& source) {
    std::vector<float> moved;
    moved.reserve(static_cast<std::size_t>(3 * side_ * side_));
    for (int64_t row = 0; row < side_; ++row) {
      for (int64_t column = 0; column < side_; ++column) {
        const auto [from_row, from_column] = source(row, column);
        const auto point = at(from_row, from_column);
        moved.insert(moved.end(), point.begin(), point.end());
      }
    }
    std::copy(moved.begin(), moved.end(), points_);
  }

 private:
  float* points_;
  int64_t side_;
};

void make_grid_canonical(float* points, int64_t side) {
  using Place = std::pair<int64_t, int64_t>;
  GridView grid(points, side);
  const int64_t last = side - 1;
  const std::array<GridPoint, 4> corners{grid.at(0, 0), grid.at(0, last), grid.at(last, 0),
                                         grid.at(last, last)};
  const auto least = std::min_element(corners.begin(), corners.end()) - corners.begin();
  if (least != 0) {
    const bool rows = least >= 2, columns = least % 2 == 1;
    grid.reorder([&](int64_t row, int64_t column) {
      return Place{rows ? last - row : row, columns ? last - column : column};
    });
  }
  // Of equal corners the first stands first, as in a stable sort.
  if (grid.at(last, 0) < grid.at(0, last))
    grid.reorder([](int64_t row, int64_t column) { return Place{column, row}; });
}

void make_edge_canonical(float* points, int64_t count) {
  const auto point = [&](int64_t i) {
    return GridPoint{points[3 * i], points[3 * i + 1], points[3 * i + 2]};
  };
  if (!(point(count - 1) < point(0))) return;
  for (int64_t i = 0; i < count / 2; ++i)
    std::swap_ranges(points + 3 * i, points + 3 * i + 3, points + 3 * (count - 1 - i));
}

}  // namespace

void make_canonical(io::BrepGraph& graph) {
  for (int64_t face = 0; face < graph.faces(); ++face)
    make_grid_canonical(graph.face_points.data() + 3 * face * graph.side * graph.side, graph.side);
  for (int64_t edge = 0; edge < graph.edges(); ++edge)
    make_edge_canonical(graph.edge_points.data() + 3 * edge * graph.side, graph.side);
}

void rotate(io::BrepGraph& graph, int axis, int quarters) {
  const double angle = quarters * std::numbers::pi / 2;
  // In float, with cosines that are 0 but for rounding, as officially: the order of corners depends on it.
  const auto c = static_cast<float>(std::cos(angle)), s = static_cast<float>(std::sin(angle));
  const int first = axis == 1 ? 2 : (axis + 1) % 3, second = axis == 1 ? 0 : (axis + 2) % 3;
  const auto turn = [&](float* p) {
    const float a = p[first], b = p[second];
    p[first] = a * c - b * s;
    p[second] = a * s + b * c;
  };
  for (auto* points : {&graph.face_points, &graph.edge_points}) {
    for (std::size_t i = 0; i + 2 < points->size(); i += 3) turn(points->data() + i);
  }
  for (auto* boxes : {&graph.face_boxes, &graph.edge_boxes}) {
    for (auto& box : *boxes) {
      io::Box6 turned{HUGE_VALF, HUGE_VALF, HUGE_VALF, -HUGE_VALF, -HUGE_VALF, -HUGE_VALF};
      for (std::size_t corner = 0; corner < 8; ++corner) {
        GridPoint p{box[corner & 1U ? 3 : 0], box[corner & 2U ? 4 : 1], box[corner & 4U ? 5 : 2]};
        turn(p.data());
        for (std::size_t i = 0; i < 3; ++i) {
          turned[i] = std::min(turned[i], p[i]);
          turned[i + 3] = std::max(turned[i + 3], p[i]);
        }
      }
      box = turned;
    }
  }
}

}  // namespace arzoo::shape3d
