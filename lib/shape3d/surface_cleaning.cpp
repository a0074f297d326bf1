#include "shape3d/surface_cleaning.h"

#include <algorithm>
#include <cmath>

#include "shape3d/mesh_decimation.h"
#include "shape3d/mesh_smoothing.h"

namespace arzoo::shape3d {

io::Mesh cleaned(io::Mesh mesh, const SurfaceCleaning& cleaning, int64_t resolution) {
  if (mesh.triangles.empty()) return mesh;
  if (cleaning.smooth > 0) {
    // A step reaches one edge: as far on a finer grid takes the square of the ratio.
    constexpr double kReference = 128.0;
    const double finer = static_cast<double>(resolution) / kReference;
    const auto steps = std::lround(static_cast<double>(cleaning.smooth) * finer * finer);
    mesh = smoothed(std::move(mesh), std::max<int64_t>(1, steps));
  }
  constexpr int64_t kFewest = 4;
  return cleaning.triangles > 0 ? decimated(std::move(mesh), std::max(kFewest, cleaning.triangles)) : mesh;
}

}  // namespace arzoo::shape3d
