#pragma once

#include <array>
#include <cstdint>
#include <vector>

/// What one cell of a grid contributes to a surface.
namespace arzoo::shape3d {

constexpr int kCorners = 8, kEdges = 12;

/// Corner k lies at (k & 1, k >> 1 & 1, k >> 2).
using CornerValues = std::array<float, kCorners>;

/// The corners at the two ends of each edge: four along x, four along y, four along z, the lower end first.
extern const std::array<std::array<int, 2>, kEdges> kEdgeEnds;

/// A closed line through edges of the cell, counter-clockwise as seen from outside of the surface.
struct CellPolygon {
  std::array<int, kEdges> edges{};
  int size = 0;
};

/// Up to four polygons.
struct CellPolygons {
  std::array<CellPolygon, 4> polygons{};
  int count = 0;
};
CellPolygons cell_polygons(const CornerValues& values);

/// Whether two edges of a cell lie in a common face: a line between their vertices could be another cell's.
bool share_face(int edge, int other);

}  // namespace arzoo::shape3d
