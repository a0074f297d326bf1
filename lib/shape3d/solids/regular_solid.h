#pragma once

#include "shape3d/solids/brep_rebuild.h"

/// Solids as people design them: most faces are flat or round. A network decodes them nearly so, and a CAD
/// kernel that fits splines through such faces finds edges that lie beside them.
namespace arzoo::shape3d {

/// What a face is taken for.
struct RegularFace {
  enum class Kind { free, plane, cylinder };

  Kind kind = Kind::free;
  WorldPoint direction = {};  ///< the plane's normal, the cylinder's axis; of length 1
  WorldPoint origin = {};     ///< a point of the plane, of the axis
  double radius = 0.0;        ///< of a cylinder
};

/// Planes by the edges around a face, which are decoded more exactly than its inside, cylinders by both.
/// Directions within 5 degrees of a coordinate axis become that axis; cylinders that nearly share their axis
/// share it, and their radius where it is nearly the same. faces: as placed_faces().
std::vector<RegularFace> recognised_faces(const std::vector<std::vector<WorldPoint>>& faces,
                                          const BrepSkeleton& skeleton);

/// Moves vertices onto the planes and cylinders that meet there, makes edges lines and arcs where they nearly
/// are, and replaces the points of recognised faces by exact ones, [side, side] of each. Free faces stay.
void make_regular(std::vector<std::vector<WorldPoint>>& faces, BrepSkeleton& skeleton, int64_t side);

}  // namespace arzoo::shape3d
