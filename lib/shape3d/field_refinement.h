#pragma once

#include <functional>
#include <span>

#include "shape3d/marching_cubes.h"

namespace arzoo::shape3d {

/// Values of a field at points, values[i] of points[i]; positive inside.
using FieldQuery = std::function<void(std::span<const io::Vec3> points, std::span<float> values)>;

/// How a grid is filled.
struct RefinementOptions {
  bool dense = false;                             ///< ask for every point
  int64_t chunk = 65536;                          ///< points of one query: bounds the memory that it takes
  int64_t coarsest = 32;                          ///< cells along an axis that are asked for in any case
  std::function<void(int64_t asked)> watch = {};  ///< told of each chunk
};

/// Fills grid.values, a cube of 2^k m cells, from coarse to fine, and returns how many points were asked for.
///
/// A cell is split where its corners differ in sign, where a neighbour's do, or where its values change so
/// fast that they may pass through 0 within it; elsewhere the finer points are interpolated. Where the
/// surface then leaves the split cells, it is followed. So the surface is that of the dense grid but for
/// parts that are smaller than the coarsest cells.
int64_t fill_grid(FieldGrid& grid, const FieldQuery& query, const RefinementOptions& options = {});

/// Makes the outermost points of the grid lie outside, so that the surface is closed.
void close_borders(FieldGrid& grid);

}  // namespace arzoo::shape3d
