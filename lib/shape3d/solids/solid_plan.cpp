// solid_plan of brep_rebuild.h.

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "shape3d/solids/brep_rebuild.h"
#include "shape3d/solids/regular_solid.h"

namespace arzoo::shape3d {

io::SolidPlan solid_plan(const io::BrepGraph& graph, const RebuildOptions& options) {
  auto skeleton = merged_skeleton(graph, options.vertex_threshold);
  auto faces = placed_faces(graph, skeleton);
  if (options.fit_steps > 0) fit_faces(faces, skeleton, options.fit_steps);
  if (options.regular) make_regular(faces, skeleton, graph.side);
  io::SolidPlan plan;
  plan.side = graph.side;
  for (const auto& coedge : skeleton.coedges) plan.coedges.push_back(coedge.points);
  for (std::size_t face = 0; face < faces.size(); ++face) {
    const int64_t first = skeleton.first_coedge[face], last = skeleton.first_coedge[face + 1];
    if (first == last) fail<DataError>("face {} has no edge", face);
    std::vector<std::array<int64_t, 2>> vertices;
    for (auto i = first; i < last; ++i)
      vertices.push_back(skeleton.coedges[static_cast<std::size_t>(i)].vertices);
    auto& planned = plan.faces.emplace_back();
    planned.points = std::move(faces[face]);
    double widest = -1.0;
    std::size_t outer = 0;
    for (const auto& loop : linked_loops(vertices)) {
      WorldPoint low{HUGE_VAL, HUGE_VAL, HUGE_VAL}, high{-HUGE_VAL, -HUGE_VAL, -HUGE_VAL};
      auto& coedges = planned.loops.emplace_back();
      for (const int64_t i : loop) {
        coedges.push_back(first + i);
        for (const auto& point : plan.coedges[static_cast<std::size_t>(first + i)]) {
          for (std::size_t axis = 0; axis < 3; ++axis) {
            low[axis] = std::min(low[axis], point[axis]);
            high[axis] = std::max(high[axis], point[axis]);
          }
        }
      }
      const double width = std::hypot(high[0] - low[0], high[1] - low[1], high[2] - low[2]);
      if (width > widest) {
        widest = width;
        outer = planned.loops.size() - 1;
      }
    }
    std::swap(planned.loops[0], planned.loops[outer]);
  }
  return plan;
}

}  // namespace arzoo::shape3d
