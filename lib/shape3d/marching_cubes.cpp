#include "shape3d/marching_cubes.h"

#include "shape3d/cell_polygons.h"

namespace arzoo::shape3d {
namespace {

constexpr float kNever = 1e30F;

/// Cuts polygons of one cell into triangles.
class PolygonCutter {
 public:
  explicit PolygonCutter(io::Mesh& mesh) : mesh_(mesh) {}

  /// vertices: of the polygon's corners.
  void cut(const CellPolygon& polygon, const std::array<int32_t, kEdges>& vertices) {
    polygon_ = &polygon;
    vertices_ = &vertices;
    const int size = polygon.size;
    if (size == 3) return add(0, 1, 2);
    if (plan(size)) return add_planned(0, size - 1);
    // No cut avoids the faces of the cell: a fan around a vertex in the middle does.
    io::Vec3 sum;
    for (int k = 0; k < size; ++k) sum = sum + position(k);
    const auto middle = static_cast<int32_t>(mesh_.vertices.size());
    mesh_.vertices.push_back(sum * (1.0F / static_cast<float>(size)));
    for (int k = 0; k < size; ++k) mesh_.triangles.push_back({vertex(k), vertex((k + 1) % size), middle});
  }

 private:
  int32_t vertex(int k) const { return (*vertices_)[static_cast<std::size_t>(k)]; }
  io::Vec3 position(int k) const { return mesh_.vertices[static_cast<std::size_t>(vertex(k))]; }
  void add(int a, int b, int c) { mesh_.triangles.push_back({vertex(a), vertex(b), vertex(c)}); }
  float& cost(int a, int b) { return cost_[static_cast<std::size_t>(a)][static_cast<std::size_t>(b)]; }
  int& split(int a, int b) { return split_[static_cast<std::size_t>(a)][static_cast<std::size_t>(b)]; }

  /// The squared length of a diagonal, or what is never chosen.
  float diagonal(int a, int b, int size) const {
    if (b - a == 1 || (a == 0 && b == size - 1)) return 0.0F;
    const auto& edges = polygon_->edges;
    if (share_face(edges[static_cast<std::size_t>(a)], edges[static_cast<std::size_t>(b)])) return kNever;
    const auto side = position(b) - position(a);
    return dot(side, side);
  }

  /// The cheapest cut of each part between two corners, short parts first; false if the whole has none.
  bool plan(int size) {
    for (int a = 0; a + 1 < size; ++a) cost(a, a + 1) = 0.0F;
    for (int span = 2; span < size; ++span) {
      for (int a = 0; a + span < size; ++a) {
        const int b = a + span;
        cost(a, b) = kNever;
        split(a, b) = a + 1;
        for (int middle = a + 1; middle < b; ++middle) {
          const float sum = cost(a, middle) + cost(middle, b);
          if (sum >= cost(a, b)) continue;
          cost(a, b) = sum;
          split(a, b) = middle;
        }
        cost(a, b) = std::min(cost(a, b) + diagonal(a, b, size), kNever);
      }
    }
    return cost(0, size - 1) < kNever;
  }

  void add_planned(int a, int b) {
    if (b - a < 2) return;
    const int middle = split(a, b);
    add(a, middle, b);
    add_planned(a, middle);
    add_planned(middle, b);
  }

  io::Mesh& mesh_;
  const CellPolygon* polygon_ = nullptr;
  const std::array<int32_t, kEdges>* vertices_ = nullptr;
  std::array<std::array<float, kEdges>, kEdges> cost_{};
  std::array<std::array<int, kEdges>, kEdges> split_{};
};

/// Walks through the cells, a layer of x at a time, and shares vertices between neighbours.
class Marcher {
 public:
  explicit Marcher(const FieldGrid& grid)
      : grid_(grid), layer_(static_cast<std::size_t>(grid.points[1] * grid.points[2])), cutter_(mesh_) {
    for (auto& layer : along_x_) layer.assign(layer_, -1);
    for (auto& layer : along_y_) layer.assign(layer_, -1);
    for (auto& layer : along_z_) layer.assign(layer_, -1);
  }

  io::Mesh march() {
    for (int64_t x = 0; x + 1 < grid_.points[0]; ++x) {
      // What was the far side of the cells before is the near side now.
      std::swap(along_y_[0], along_y_[1]);
      std::swap(along_z_[0], along_z_[1]);
      along_x_[0].assign(layer_, -1);
      along_y_[1].assign(layer_, -1);
      along_z_[1].assign(layer_, -1);
      for (int64_t y = 0; y + 1 < grid_.points[1]; ++y) march_row(x, y);
    }
    return std::move(mesh_);
  }

 private:
  void march_row(int64_t x, int64_t y) {
    const float* rows[] = {&grid_.values[grid_.index(x, y, 0)], &grid_.values[grid_.index(x + 1, y, 0)],
                           &grid_.values[grid_.index(x, y + 1, 0)],
                           &grid_.values[grid_.index(x + 1, y + 1, 0)]};
    const auto inside_at = [&](int64_t z) {
      int count = 0;
      for (const auto* row : rows) count += row[z] >= 0.0F ? 1 : 0;
      return count;
    };
    int near = inside_at(0);
    for (int64_t z = 0; z + 1 < grid_.points[2]; ++z) {
      const int far = inside_at(z + 1), both = near + far;
      near = far;
      if (both == 0 || both == kCorners) continue;
      CornerValues values{};
      for (std::size_t k = 0; k < kCorners; ++k) values[k] = rows[k & 3][z + static_cast<int64_t>(k >> 2)];
      march_cell({x, y, z}, values);
    }
  }

  void march_cell(const std::array<int64_t, 3>& cell, const CornerValues& values) {
    const auto found = cell_polygons(values);
    for (int i = 0; i < found.count; ++i) {
      const auto& polygon = found.polygons[static_cast<std::size_t>(i)];
      std::array<int32_t, kEdges> vertices{};
      for (int k = 0; k < polygon.size; ++k) {
        const auto at = static_cast<std::size_t>(k);
        vertices[at] = vertex_on(cell, polygon.edges[at], values);
      }
      cutter_.cut(polygon, vertices);
    }
  }

  int32_t vertex_on(const std::array<int64_t, 3>& cell, int edge, const CornerValues& values) {
    const auto [low, high] = kEdgeEnds[static_cast<std::size_t>(edge)];
    const auto y = cell[1] + (low >> 1 & 1), z = cell[2] + (low >> 2);
    const auto at = static_cast<std::size_t>(y * grid_.points[2] + z);
    auto& index = edge < 4 ? along_x_[0][at] : edge < 8 ? along_y_[low & 1][at] : along_z_[low & 1][at];
    if (index >= 0) return index;
    const float a = values[static_cast<std::size_t>(low)], b = values[static_cast<std::size_t>(high)];
    std::array<float, 3> place{static_cast<float>(cell[0] + (low & 1)), static_cast<float>(y),
                               static_cast<float>(z)};
    // Never quite at a corner: vertices of several edges would fall together, and readers that merge them
    // tear the surface.
    constexpr float kMargin = 1e-4F;
    place[static_cast<std::size_t>(edge / 4)] += std::clamp(a / (a - b), kMargin, 1.0F - kMargin);
    index = static_cast<int32_t>(mesh_.vertices.size());
    mesh_.vertices.push_back(grid_.position(place[0], place[1], place[2]));
    return index;
  }

  const FieldGrid& grid_;
  std::size_t layer_;
  io::Mesh mesh_;
  PolygonCutter cutter_;
  /// Vertices on the grid's edges along each axis, at the near and the far side of the layer; -1: none yet.
  std::array<std::vector<int32_t>, 1> along_x_;
  std::array<std::vector<int32_t>, 2> along_y_, along_z_;
};

}  // namespace

io::Vec3 FieldGrid::position(float x, float y, float z) const {
  const auto size = bounds.size();
  const auto at = [&](float step, int axis) {
    return bounds.low[axis] +
           step * (size[axis] / static_cast<float>(points[static_cast<std::size_t>(axis)] - 1));
  };
  return {at(x, 0), at(y, 1), at(z, 2)};
}

FieldGrid cube_grid(int64_t resolution, double half) {
  const auto side = static_cast<float>(half);
  FieldGrid grid{.points = {resolution + 1, resolution + 1, resolution + 1},
                 .bounds = {{-side, -side, -side}, {side, side, side}}};
  grid.values.resize(grid.index(resolution, resolution, resolution) + 1);
  return grid;
}

io::Mesh isosurface(const FieldGrid& grid) { return Marcher(grid).march(); }

}  // namespace arzoo::shape3d
