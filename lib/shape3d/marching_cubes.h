#pragma once

#include <vector>

#include "io/mesh.h"

namespace arzoo::shape3d {

/// A field on a grid of points over a box; z runs fastest.
struct FieldGrid {
  std::array<int64_t, 3> points{};  ///< along x, y, z; at least 2 each
  io::Box3 bounds;
  std::vector<float> values = {};

  std::size_t index(int64_t x, int64_t y, int64_t z) const {
    return static_cast<std::size_t>((x * points[1] + y) * points[2] + z);
  }
  /// Where a point, given in steps of the grid, lies.
  io::Vec3 position(float x, float y, float z) const;
};

/// A cube's grid of resolution^3 cells, its values unset.
FieldGrid cube_grid(int64_t resolution, double half);

/// The surface at level 0 of the field, which is inside where its value is >= 0 (marching cubes, Lorensen &
/// Cline 1987), triangles counter-clockwise as seen from outside.
///
/// A vertex stands on every edge of the grid whose ends differ, by linear interpolation. Where a face of a
/// cell allows two ways, the bilinear field decides (Nielson & Hamann 1991), so that both neighbours agree:
/// the surface is closed but where it leaves the grid. No edge is shared by more than two triangles; where
/// that needs it, a cell gets a vertex of its own. No value may be NaN.
io::Mesh isosurface(const FieldGrid& grid);

}  // namespace arzoo::shape3d
