#pragma once

#include <vector>

#include "runtime/losses.h"
#include "shape3d/surface_points.h"

namespace arzoo::shape3d {

/// How far two sets of surface points lie apart.
struct PointDistances {
  std::vector<float> to_predicted;  ///< from each reference point to the nearest predicted one
  std::vector<float> to_reference;  ///< the other way
  double normal_consistency = 0.0;  ///< mean |n . n'| of nearest points, averaged over both directions

  /// Chamfer distance, the sum of both means of distances (3DShape2VecSet) or of their squares; half of the
  /// first is the mean of ConvONet.
  double chamfer() const;
  double squared_chamfer() const;
  /// Harmonic mean of the shares of points that lie nearer than `threshold` (Tatarchenko et al., CVPR 2019).
  double f_score(double threshold) const;
};

/// Both sets must have points, and as many normals.
PointDistances point_distances(const SurfacePoints& reference, const SurfacePoints& predicted);

/// {"chamfer", "f_0.01", "f_0.02", "nc"} of a surface against the one it should be, by `points` points on
/// each; an empty one is as far away as the cube is wide.
runtime::Metrics surface_errors(const io::Mesh& reference, const io::Mesh& mesh, int64_t points = 100000);

}  // namespace arzoo::shape3d
