#pragma once

#include <vector>

#include "io/vec3.h"

namespace arzoo::io {

/// Three indices of vertices, counter-clockwise as seen from outside.
using Triangle = std::array<int32_t, 3>;

/// A surface of triangles.
struct Mesh {
  std::vector<Vec3> vertices = {};
  std::vector<Triangle> triangles = {};

  Vec3 corner(const Triangle& triangle, int k) const {
    return vertices[static_cast<std::size_t>(triangle[static_cast<std::size_t>(k)])];
  }
  /// Twice the area long, outwards.
  Vec3 area_vector(const Triangle& triangle) const {
    const auto a = corner(triangle, 0);
    return cross(corner(triangle, 1) - a, corner(triangle, 2) - a);
  }
};

/// The same surface with vertices that stand at one place merged, and triangles that thereby lose a side left
/// out; vertices that no triangle uses go, the others keep their order. In their order, a vertex that lies no
/// more than `tolerance` along each axis from one that stays becomes the first such one; any other stays.
Mesh welded(const Mesh& mesh, double tolerance = 0.0);

/// Unit normals of the vertices, each triangle weighing by its area; zero where none has an area.
std::vector<Vec3> vertex_normals(const Mesh& mesh);

/// The part that each triangle belongs to, numbered from 0 in the order of their first triangles: triangles
/// that share a vertex are of one part.
std::vector<int32_t> parts_of(const Mesh& mesh);

/// What a surface is like. Of a mesh that is not welded, seams count as borders.
struct MeshSummary {
  int64_t vertices = 0, triangles = 0, edges = 0;
  int64_t components = 0;  ///< of triangles that hang together by edges or vertices
  int64_t euler = 0;       ///< vertices - edges + triangles
  int64_t open_edges = 0;  ///< not shared by exactly two triangles that agree about the outside
  double volume = 0.0;     ///< signed: positive where triangles face outwards
  double area = 0.0;
  Box3 box = {};

  bool is_watertight() const { return triangles > 0 && open_edges == 0; }
};
MeshSummary summarise(const Mesh& mesh);

}  // namespace arzoo::io
