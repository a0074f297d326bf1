#pragma once

#include "shape3d/solids/regular_faces.h"

/// Solids as people design them: most faces are flat or round. A network decodes them nearly so, and a CAD
/// kernel that fits splines through such faces finds edges that lie beside them.
namespace arzoo::shape3d {

/// Moves vertices onto the planes and cylinders that meet there, makes edges lines and arcs where they nearly
/// are, and replaces the points of recognised faces by exact ones, [side, side] of each. Free faces stay.
void make_regular(std::vector<std::vector<WorldPoint>>& faces, BrepSkeleton& skeleton, int64_t side);

}  // namespace arzoo::shape3d
