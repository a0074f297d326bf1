#include "shape3d/mesh_decimation.h"

#include <meshoptimizer.h>

namespace arzoo::shape3d {
namespace {

static_assert(sizeof(io::Vec3) == 3 * sizeof(float) && sizeof(io::Triangle) == 3 * sizeof(unsigned int));

constexpr float kAnyError = 1.0F;  // of the mesh's extent: the number of triangles alone decides

/// Triangles over the vertices that they use, in the order of their first use.
io::Mesh compacted(const std::vector<io::Vec3>& vertices, const std::vector<unsigned int>& indices) {
  io::Mesh mesh;
  std::vector<int32_t> places(vertices.size(), -1);
  const auto place_of = [&](unsigned int index) {
    auto& place = places[index];
    if (place < 0) {
      place = static_cast<int32_t>(mesh.vertices.size());
      mesh.vertices.push_back(vertices[index]);
    }
    return place;
  };
  for (std::size_t i = 0; i + 2 < indices.size(); i += 3) {
    const int32_t a = place_of(indices[i]), b = place_of(indices[i + 1]), c = place_of(indices[i + 2]);
    mesh.triangles.push_back({a, b, c});
  }
  return mesh;
}

}  // namespace

io::Mesh decimated(io::Mesh mesh, int64_t triangles) {
  if (static_cast<int64_t>(mesh.triangles.size()) <= triangles) return mesh;
  std::vector<unsigned int> indices;
  indices.reserve(3 * mesh.triangles.size());
  for (const auto& triangle : mesh.triangles)
    for (const int32_t vertex : triangle) indices.push_back(static_cast<unsigned int>(vertex));
  std::vector<unsigned int> fewer(indices.size());
  const auto count =
      meshopt_simplify(fewer.data(), indices.data(), indices.size(), &mesh.vertices.front().x,
                       mesh.vertices.size(), sizeof(io::Vec3), 3 * static_cast<std::size_t>(triangles),
                       kAnyError, /*options=*/0, /*result_error=*/nullptr);
  fewer.resize(count);
  auto result = compacted(mesh.vertices, fewer);
  if (summarise(mesh).is_watertight() && !summarise(result).is_watertight()) return mesh;
  return result;
}

}  // namespace arzoo::shape3d
