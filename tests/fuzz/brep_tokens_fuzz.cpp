// What a sampled or stored sequence of a solid says, up to the points that the CAD kernel gets.

#include "fuzz/fuzz_target.h"
#include "shape3d/solids/brep_rebuild.h"
#include "shape3d/solids/brep_tokens.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace arzoo::shape3d;
  // A token is a byte: few bits, faces and codes.
  constexpr BrepVocabulary kSmall{
      .bit = 5, .max_face = 40, .surf_codebook_size = 60, .edge_codebook_size = 60};
  const std::vector<int64_t> tokens(data, data + std::min<std::size_t>(size, 2000));
  arzoo::fuzz::refuse_or_accept([&] {
    const auto parsed = parse_brep(tokens, kSmall);
    arzoo::io::BrepGraph graph;
    graph.side = 2;
    for (const auto& box : parsed.face_boxes) graph.face_boxes.push_back(opened_box(box, kSmall.bit));
    for (const auto& box : parsed.edge_boxes) graph.edge_boxes.push_back(opened_box(box, kSmall.bit));
    graph.edge_faces = parsed.edge_faces;
    for (const auto& codes : parsed.face_codes) {
      for (int point = 0; point < 4; ++point) {
        for (int axis = 0; axis < 3; ++axis)
          graph.face_points.push_back(static_cast<float>(codes[static_cast<std::size_t>(point)] % 3 - 1));
      }
    }
    for (const auto& codes : parsed.edge_codes) {
      for (const auto code : codes) {
        for (int axis = 0; axis < 3; ++axis)
          graph.edge_points.push_back(static_cast<float>((code >> axis) % 3 - 1));
      }
    }
    const auto skeleton = merged_skeleton(graph, 0.002);
    for (std::size_t face = 0; face + 1 < skeleton.first_coedge.size(); ++face) {
      std::vector<std::array<int64_t, 2>> ends;
      for (auto i = skeleton.first_coedge[face]; i < skeleton.first_coedge[face + 1]; ++i)
        ends.push_back(skeleton.coedges[static_cast<std::size_t>(i)].vertices);
      std::size_t linked = 0;
      if (!ends.empty()) {
        for (const auto& loop : linked_loops(ends)) linked += loop.size();
      }
      if (linked != ends.size()) std::abort();
    }
    placed_faces(graph, skeleton);
  });
  return 0;
}
