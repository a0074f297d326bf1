#pragma once

#include "core/seeded_random.h"
#include "io/mesh.h"

/// Sampled points of a shape: the data of every shape model. Equal seeds give equal points everywhere.
namespace arzoo::shape3d {

/// Points on a surface with the unit normals of their triangles.
struct SurfacePoints {
  std::vector<io::Vec3> points = {}, normals = {};
};

/// A point within the cube [-half, half]^3.
io::Vec3 volume_point(double half, std::mt19937_64& random);

/// Points spread evenly over the surface. Throws DataError for a surface without area.
SurfacePoints sample_surface(const io::Mesh& mesh, int64_t count, std::mt19937_64& random);
/// Each point moved by a normal deviate of this size along every axis.
std::vector<io::Vec3> jittered(const std::vector<io::Vec3>& points, double sigma, std::mt19937_64& random);

/// Where a mesh goes when it is normalised, and the way back.
struct Placement {
  io::Vec3 centre;
  float scale = 1.0F;

  io::Vec3 into(io::Vec3 point) const { return (point - centre) * scale; }
  io::Vec3 back(io::Vec3 point) const { return point * (1.0F / scale) + centre; }
};
/// The centre of the bounding box to the origin, half its longest side to `half`. Throws DataError for a
/// mesh without extent.
Placement placement(const io::Mesh& mesh, double half);
io::Mesh placed(io::Mesh mesh, const Placement& placement);

}  // namespace arzoo::shape3d
