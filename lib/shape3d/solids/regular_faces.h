#pragma once

#include <ATen/core/Tensor.h>

#include "shape3d/solids/brep_rebuild.h"

/// Planes and cylinders among the faces of a solid that a network decoded.
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

/// A surface through points, and how far they lie from it: the root of the mean square.
struct FittedFace {
  RegularFace face;
  double deviation = 0.0;
};

/// The cylinder about an axis of this direction, of length 1, through at least three points, by the least
/// squares of x^2 + y^2 = 2 a x + 2 b y + c.
FittedFace fitted_cylinder(const std::vector<WorldPoint>& points, const WorldPoint& direction);
/// Whether the points of a fit lie on the cylinder, as closely as decoded ones do.
bool is_round(const FittedFace& cylinder);

/// What lies at right angles to a cylinder's axis, from it to a point.
WorldPoint from_axis(const RegularFace& cylinder, const WorldPoint& point);

/// Points as a tensor, [N, 3] double, and the three numbers of one as a point.
at::Tensor tensor_of(const std::vector<WorldPoint>& points);
WorldPoint point_of(const at::Tensor& x);

}  // namespace arzoo::shape3d
