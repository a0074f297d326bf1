#include "shape3d/solids/prism_parts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "core/seeded_random.h"

namespace arzoo::shape3d {
namespace {

using Corner = std::array<double, 2>;
using Place = std::array<double, 3>;

/// Sizes on a grid of a tenth.
class PrismSizes {
 public:
  PrismSizes(uint64_t seed, uint64_t index) : stream_(stream_seed(seed, 0x707269736dU, index)) {}
  double between(double low, double high) {
    const double steps = std::round((high - low) * 10.0);
    return low + std::floor(uniform_of(stream_, used_++) * (steps + 1.0)) / 10.0;
  }

 private:
  uint64_t stream_, used_ = 0;
};

std::vector<Corner> outline_of(const std::string& kind, PrismSizes& sizes) {
  const double x = sizes.between(1.0, 2.0), y = sizes.between(1.0, 2.0), t = sizes.between(0.2, 0.4);
  if (kind == "block") return {{0, 0}, {x, 0}, {x, y}, {0, y}};
  if (kind == "angle") return {{0, 0}, {x, 0}, {x, t}, {t, t}, {t, y}, {0, y}};
  if (kind == "gutter") return {{0, 0}, {x, 0}, {x, y}, {x - t, y}, {x - t, t}, {t, t}, {t, y}, {0, y}};
  if (kind == "cross")
    return {{t, 0},     {x - t, 0}, {x - t, t}, {x, t},     {x, y - t}, {x - t, y - t},
            {x - t, y}, {t, y},     {t, y - t}, {0, y - t}, {0, t},     {t, t}};
  throw std::logic_error("no prism is called " + kind);
}

/// Adds points and their box to a list of grids that are relative to their boxes.
void add_samples(const std::vector<Place>& points, std::vector<float>& list, std::vector<io::Box6>& boxes) {
  Place low = points.front(), high = points.front();
  for (const auto& point : points) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      low[axis] = std::min(low[axis], point[axis]);
      high[axis] = std::max(high[axis], point[axis]);
    }
  }
  double extent = 0.0;
  for (std::size_t axis = 0; axis < 3; ++axis) extent = std::max(extent, high[axis] - low[axis]);
  for (const auto& point : points) {
    for (std::size_t axis = 0; axis < 3; ++axis)
      list.push_back(static_cast<float>((point[axis] - (low[axis] + high[axis]) / 2) / (extent / 2)));
  }
  io::Box6 box;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    box[axis] = static_cast<float>(low[axis]);
    box[axis + 3] = static_cast<float>(high[axis]);
  }
  boxes.push_back(box);
}

/// The parallelogram at `origin` along a and b, side x side points.
std::vector<Place> grid_of(const Place& origin, const Place& a, const Place& b, int64_t side) {
  std::vector<Place> points;
  for (int64_t i = 0; i < side; ++i) {
    for (int64_t j = 0; j < side; ++j) {
      const double u = static_cast<double>(i) / static_cast<double>(side - 1),
                   v = static_cast<double>(j) / static_cast<double>(side - 1);
      Place point;
      for (std::size_t axis = 0; axis < 3; ++axis) point[axis] = origin[axis] + u * a[axis] + v * b[axis];
      points.push_back(point);
    }
  }
  return points;
}

std::vector<Place> line_of(const Place& from, const Place& to, int64_t side) {
  std::vector<Place> points;
  for (int64_t i = 0; i < side; ++i) {
    const double u = static_cast<double>(i) / static_cast<double>(side - 1);
    points.push_back(
        {from[0] + u * (to[0] - from[0]), from[1] + u * (to[1] - from[1]), from[2] + u * (to[2] - from[2])});
  }
  return points;
}

}  // namespace

const std::vector<std::string>& prism_kinds() {
  static const std::vector<std::string> kinds{"block", "angle", "gutter", "cross"};
  return kinds;
}

io::BrepGraph make_prism(const std::string& kind, uint64_t seed, uint64_t index, int64_t side) {
  PrismSizes sizes(seed, index);
  auto outline = outline_of(kind, sizes);
  double height = sizes.between(0.4, 2.0), width = 0.0, depth = 0.0;
  for (const auto& [x, y] : outline) {
    width = std::max(width, x);
    depth = std::max(depth, y);
  }
  // The largest extent spans [-1, 1].
  const double scale = 2.0 / std::max({width, depth, height});
  for (auto& [x, y] : outline) {
    x = (x - width / 2) * scale;
    y = (y - depth / 2) * scale;
  }
  const double top = height * scale / 2;
  io::BrepGraph graph;
  graph.side = side;
  const auto count = static_cast<int32_t>(outline.size());
  for (const double z : {-top, top})
    add_samples(grid_of({-width * scale / 2, -depth * scale / 2, z}, {width * scale, 0, 0},
                        {0, depth * scale, 0}, side),
                graph.face_points, graph.face_boxes);
  for (int32_t i = 0; i < count; ++i) {
    const auto &a = outline[static_cast<std::size_t>(i)],
               &b = outline[static_cast<std::size_t>((i + 1) % count)];
    add_samples(grid_of({a[0], a[1], -top}, {b[0] - a[0], b[1] - a[1], 0}, {0, 0, 2 * top}, side),
                graph.face_points, graph.face_boxes);
    for (const int32_t cap : {0, 1}) {
      const double z = cap == 0 ? -top : top;
      add_samples(line_of({a[0], a[1], z}, {b[0], b[1], z}, side), graph.edge_points, graph.edge_boxes);
      graph.edge_faces.push_back({cap, 2 + i});
    }
    add_samples(line_of({a[0], a[1], -top}, {a[0], a[1], top}, side), graph.edge_points, graph.edge_boxes);
    graph.edge_faces.push_back({2 + (i + count - 1) % count, 2 + i});
  }
  graph.surfaces.assign(static_cast<std::size_t>(graph.faces()), "plane");
  return graph;
}

}  // namespace arzoo::shape3d
