#include "shape3d/cell_polygons.h"

namespace arzoo::shape3d {

const std::array<std::array<int, 2>, kEdges> kEdgeEnds{
    {{0, 1}, {2, 3}, {4, 5}, {6, 7}, {0, 2}, {1, 3}, {4, 6}, {5, 7}, {0, 4}, {1, 5}, {2, 6}, {3, 7}}};

namespace {

constexpr int kFaces = 6, kFaceCornerCount = 4;

/// A face's corners, counter-clockwise as seen from outside the cell.
constexpr std::array<std::array<int, kFaceCornerCount>, kFaces> kFaceCorners{
    {{0, 4, 6, 2}, {1, 3, 7, 5}, {0, 1, 5, 4}, {2, 6, 7, 3}, {0, 2, 3, 1}, {4, 5, 7, 6}}};

int edge_between(int a, int b) {
  for (int edge = 0; edge < kEdges; ++edge) {
    const auto [low, high] = kEdgeEnds[static_cast<std::size_t>(edge)];
    if ((low == a && high == b) || (low == b && high == a)) return edge;
  }
  return -1;
}

using FaceEdges = std::array<std::array<int, kFaceCornerCount>, kFaces>;

/// Edge k of a face leads from its corner k to the next.
FaceEdges make_face_edges() {
  FaceEdges edges{};
  for (std::size_t face = 0; face < kFaces; ++face) {
    const auto& corners = kFaceCorners[face];
    for (std::size_t k = 0; k < kFaceCornerCount; ++k)
      edges[face][k] = edge_between(corners[k], corners[(k + 1) % kFaceCornerCount]);
  }
  return edges;
}
const FaceEdges kFaceEdges = make_face_edges();

std::array<unsigned, kEdges> make_faces_of_edges() {
  std::array<unsigned, kEdges> faces{};
  for (std::size_t face = 0; face < kFaces; ++face) {
    for (const int edge : kFaceEdges[face]) faces[static_cast<std::size_t>(edge)] |= 1U << face;
  }
  return faces;
}
const std::array<unsigned, kEdges> kFacesOfEdges = make_faces_of_edges();

/// Of a face whose corners alternate: whether its inner corners hang together across the middle, where the
/// bilinear field has its saddle. The products are the same whichever cell asks.
bool inner_corners_join(const std::array<float, kFaceCornerCount>& values) {
  const bool even_inside = values[0] >= 0.0F;
  const float even = values[0] * values[2], odd = values[1] * values[3];
  return even_inside ? even >= odd : odd >= even;
}

/// next[e]: the edge to which the surface's line on a face leads from edge e.
using Links = std::array<int, kEdges>;

void link_face(std::size_t face, const CornerValues& values, Links& next) {
  std::array<float, kFaceCornerCount> own{};
  std::array<bool, kFaceCornerCount> inside{};
  for (std::size_t k = 0; k < kFaceCornerCount; ++k) {
    own[k] = values[static_cast<std::size_t>(kFaceCorners[face][k])];
    inside[k] = own[k] >= 0.0F;
  }
  const bool alternates = inside[0] == inside[2] && inside[1] == inside[3] && inside[0] != inside[1];
  const std::size_t back = alternates && !inner_corners_join(own) ? kFaceCornerCount - 1 : 1;
  for (std::size_t k = 0; k < kFaceCornerCount; ++k) {
    if (!inside[k] || inside[(k + 1) % kFaceCornerCount]) continue;
    // A line leads from where the walk around the face comes in, to where it went out before.
    std::size_t entry = (k + back) % kFaceCornerCount;
    while (inside[entry] || !inside[(entry + 1) % kFaceCornerCount]) entry = (entry + 1) % kFaceCornerCount;
    next[static_cast<std::size_t>(kFaceEdges[face][entry])] = kFaceEdges[face][k];
  }
}

}  // namespace

bool share_face(int edge, int other) {
  return (kFacesOfEdges[static_cast<std::size_t>(edge)] & kFacesOfEdges[static_cast<std::size_t>(other)]) !=
         0;
}

CellPolygons cell_polygons(const CornerValues& values) {
  Links next;
  next.fill(-1);
  for (std::size_t face = 0; face < kFaces; ++face) link_face(face, values, next);
  CellPolygons found;
  for (int start = 0; start < kEdges; ++start) {
    if (next[static_cast<std::size_t>(start)] < 0) continue;
    auto& polygon = found.polygons[static_cast<std::size_t>(found.count++)];
    for (int edge = start; next[static_cast<std::size_t>(edge)] >= 0;) {
      polygon.edges[static_cast<std::size_t>(polygon.size++)] = edge;
      const int after = next[static_cast<std::size_t>(edge)];
      next[static_cast<std::size_t>(edge)] = -1;
      edge = after;
    }
  }
  return found;
}

}  // namespace arzoo::shape3d
