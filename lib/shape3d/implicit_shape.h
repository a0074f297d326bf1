#pragma once

#include <string>
#include <vector>

#include "io/mesh.h"
#include "shape3d/marching_cubes.h"

namespace arzoo::shape3d {

/// A solid of simple parts: what the program makes up to train on. The y axis is up.
struct SolidPart {
  enum class Kind { ellipsoid, box, cylinder, cone, ring };

  Kind kind = Kind::box;
  io::Vec3 centre;
  /// Half axes; of a box its half sides; of a cylinder radius, half height, radius; of a cone radius below,
  /// half height, radius above; of a ring, around z, its radius, its tube's, and the same again.
  io::Vec3 size;
  float rounding = 0.0F;
  bool is_cut = false;  ///< taken away from what stands before it in the list

  /// Positive inside, about the distance to the surface.
  float signed_distance(io::Vec3 point) const;
};

/// A solid in the cube [-kSolidHalf, kSolidHalf]^3, which its longest side fills.
class ImplicitShape {
 public:
  explicit ImplicitShape(std::vector<SolidPart> parts);

  /// Positive inside, about the distance to the surface.
  float signed_distance(io::Vec3 point) const;
  bool is_inside(io::Vec3 point) const { return signed_distance(point) >= 0.0F; }
  /// Its surface, watertight, from a grid of resolution^3 cells.
  io::Mesh surface(int64_t resolution) const;

 private:
  float raw_depth(io::Vec3 point) const;

  std::vector<SolidPart> parts_;
  io::Vec3 centre_;
  float scale_ = 1.0F;
};

constexpr double kSolidHalf = 0.95;

/// The kinds of solids that there are, in the order of their classes.
const std::vector<std::string>& solid_names();
/// Solid number `index` of a class: the same seed, class and index give the same solid. Throws DataError for
/// an unknown class.
ImplicitShape make_solid(const std::string& name, uint64_t seed, int64_t index);

}  // namespace arzoo::shape3d
