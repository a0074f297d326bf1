#pragma once

#include "core/config.h"
#include "io/mesh.h"

namespace arzoo::shape3d {

/// What is done to a surface after it was found in its grid. No torch in here.
struct SurfaceCleaning {
  int64_t smooth = 0;     ///< steps of mesh_smoothing.h for a grid of 128 cells, 0 for none
  int64_t triangles = 0;  ///< of mesh_decimation.h, 0 for all

  /// The same fields among the options `o` of a model.
  static void fields(auto& o, auto& field) {
    field(
        "smooth", o.smooth, between(0, 10000),
        "steps of Taubin smoothing of a surface of 128 cells along an axis, 0 for none; more of a finer one");
    field("triangles", o.triangles, between(0, 1e9),
          "reduce a surface to about this many triangles, 0 for all; at least 4 are left");
  }
};

/// Of options that have these fields.
template <class Options>
SurfaceCleaning cleaning_of(const Options& options) {
  return {.smooth = options.smooth, .triangles = options.triangles};
}

/// resolution: cells along an axis of the grid that the surface was found in.
io::Mesh cleaned(io::Mesh mesh, const SurfaceCleaning& cleaning, int64_t resolution);

}  // namespace arzoo::shape3d
