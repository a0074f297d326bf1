#include "shape3d/surface_points.h"

#include "core/error.h"

namespace arzoo::shape3d {

io::Vec3 volume_point(double half, std::mt19937_64& random) {
  io::Vec3 point;
  for (int axis = 0; axis < 3; ++axis) point[axis] = static_cast<float>((2.0 * uniform(random) - 1.0) * half);
  return point;
}

SurfacePoints sample_surface(const io::Mesh& mesh, int64_t count, std::mt19937_64& random) {
  std::vector<double> ends;
  double area = 0.0;
  for (const auto& triangle : mesh.triangles) ends.push_back(area += length(mesh.area_vector(triangle)));
  if (!(area > 0.0)) fail<DataError>("a surface without area, expected one that points can be sampled on");
  SurfacePoints sampled;
  for (int64_t i = 0; i < count; ++i) {
    const auto found = std::upper_bound(ends.begin(), ends.end() - 1, uniform(random) * area);
    const auto& triangle = mesh.triangles[static_cast<std::size_t>(found - ends.begin())];
    // The root spreads them evenly over a triangle.
    const auto side = static_cast<float>(std::sqrt(uniform(random)));
    const auto across = static_cast<float>(uniform(random));
    sampled.points.push_back(mesh.corner(triangle, 0) * (1.0F - side) +
                             mesh.corner(triangle, 1) * (side * (1.0F - across)) +
                             mesh.corner(triangle, 2) * (side * across));
    sampled.normals.push_back(unit(mesh.area_vector(triangle)));
  }
  return sampled;
}

std::vector<io::Vec3> jittered(const std::vector<io::Vec3>& points, double sigma, std::mt19937_64& random) {
  auto moved = points;
  for (auto& point : moved) {
    for (int axis = 0; axis < 3; ++axis) point[axis] += static_cast<float>(sigma * normal(random));
  }
  return moved;
}

Placement placement(const io::Mesh& mesh, double half) {
  io::Box3 box;
  for (const auto& vertex : mesh.vertices) box.add(vertex);
  const auto size = box.size();
  const float longest = mesh.vertices.empty() ? 0.0F : std::max({size.x, size.y, size.z});
  if (!(longest > 0.0F) || !std::isfinite(longest))
    fail<DataError>("a mesh of extent {}, expected one that can be scaled to the unit cube", longest);
  return {box.centre(), static_cast<float>(2.0 * half / longest)};
}

io::Mesh placed(io::Mesh mesh, const Placement& placement) {
  for (auto& vertex : mesh.vertices) vertex = placement.into(vertex);
  return mesh;
}

}  // namespace arzoo::shape3d
