#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "io/step_plugin.h"
#include "shape3d/solids/world_vectors.h"

/// From decoded boxes, grids and incidence to points in the world (AutoBrep, post-processing). F faces, E
/// edges, C coedges: an edge as seen from one of its two faces, face by face, edges ascending.
namespace arzoo::shape3d {

struct Coedge {
  int64_t face = 0, edge = 0;
  std::array<int64_t, 2> vertices = {};  ///< of its ends
  std::vector<WorldPoint> points = {};   ///< between its vertices
};

/// Coedges, and what their ends were merged to.
struct BrepSkeleton {
  std::vector<WorldPoint> vertices = {};
  std::vector<Coedge> coedges = {};
  std::vector<int64_t> first_coedge = {};  ///< of each face, then their count: [F + 1]
};

/// Merges the ends of edges to vertices and pulls the edges to them. Throws DataError where ends do not pair,
/// which an unsound graph shows.
BrepSkeleton merged_skeleton(const io::BrepGraph& graph, double vertex_threshold);

/// The loops of a face, of coedges counted within it, in the order in which they are walked.
std::vector<std::vector<int64_t>> linked_loops(const std::vector<std::array<int64_t, 2>>& vertices);

/// The points of each face: its grid in its box, which grows where its edges reach further. [F, side^2]
std::vector<std::vector<WorldPoint>> placed_faces(const io::BrepGraph& graph, const BrepSkeleton& skeleton);

/// Moves each face so that it lies along its edges: `steps` of AdamW on a translation, whose last is not
/// taken, as officially.
void fit_faces(std::vector<std::vector<WorldPoint>>& faces, const BrepSkeleton& skeleton, int64_t steps);

/// How a solid is rebuilt.
struct RebuildOptions {
  double vertex_threshold = 0.002;  ///< ends of edges that are nearer become one vertex
  int64_t fit_steps = 0;            ///< of fit_faces
  bool regular = true;              ///< faces that are nearly flat or round become so (regular_solid.h)
};

/// All of it: what the CAD kernel builds a solid of.
io::SolidPlan solid_plan(const io::BrepGraph& graph, const RebuildOptions& options);

}  // namespace arzoo::shape3d
