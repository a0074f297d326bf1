#include "shape3d/solids/brep_codes.h"

#include <torch/torch.h>

#include "core/error.h"

namespace arzoo::shape3d {
namespace {

/// Rows of ids, [B, N] long, as arrays.
template <std::size_t N>
std::vector<std::array<int64_t, N>> id_rows(const at::Tensor& ids) {
  const auto own = ids.cpu().contiguous();
  std::vector<std::array<int64_t, N>> rows(static_cast<std::size_t>(own.size(0)));
  for (std::size_t i = 0; i < rows.size() * N; ++i) rows[i / N][i % N] = own.const_data_ptr<int64_t>()[i];
  return rows;
}

/// [B, N] long of arrays; ids that the auto-encoder does not have become its last one.
template <std::size_t N>
at::Tensor id_table(const std::vector<std::array<int64_t, N>>& rows, int64_t codes) {
  auto table = at::empty({static_cast<int64_t>(rows.size()), static_cast<int64_t>(N)}, at::kLong);
  for (std::size_t i = 0; i < rows.size() * N; ++i)
    table.mutable_data_ptr<int64_t>()[i] = std::min(rows[i / N][i % N], codes - 1);
  return table;
}

std::vector<float> values_of(const at::Tensor& points) {
  const auto own = points.to(at::kCPU, at::kFloat).contiguous();
  return {own.const_data_ptr<float>(), own.const_data_ptr<float>() + own.numel()};
}

}  // namespace

std::vector<int64_t> tokens_of_solid(const io::BrepGraph& graph, AutobrepFsq& coders,
                                     const BrepVocabulary& vocabulary, int64_t complexity) {
  const torch::NoGradGuard no_grad;
  const auto device = coders.parameters().front().device();
  const int64_t side = graph.side;
  const auto faces = at::tensor(graph.face_points).view({graph.faces(), side, side, 3}).permute({0, 3, 1, 2});
  const auto edges = at::tensor(graph.edge_points).view({graph.edges(), side, 3}).permute({0, 2, 1});
  return with_codes(brep_sequence(graph, vocabulary, complexity), vocabulary,
                    id_rows<kFaceCodes>(coders.surface().encode(faces.contiguous().to(device)).ids),
                    id_rows<kEdgeCodes>(coders.edge().encode(edges.contiguous().to(device)).ids));
}

io::BrepGraph solid_of_tokens(const std::vector<int64_t>& tokens, AutobrepFsq& coders,
                              const BrepVocabulary& vocabulary) {
  const torch::NoGradGuard no_grad;
  const auto parsed = parse_brep(tokens, vocabulary);
  if (parsed.edge_boxes.empty()) fail<DataError>("a solid without edges");
  const auto device = coders.parameters().front().device();
  io::BrepGraph graph;
  graph.side = BrepCoder::kSamples;
  for (const auto& box : parsed.face_boxes) graph.face_boxes.push_back(opened_box(box, vocabulary.bit));
  for (const auto& box : parsed.edge_boxes) graph.edge_boxes.push_back(opened_box(box, vocabulary.bit));
  graph.edge_faces = parsed.edge_faces;
  auto &surface = coders.surface(), &edge = coders.edge();
  graph.face_points = values_of(
      surface.decode_ids(id_table<kFaceCodes>(parsed.face_codes, surface.options().codes()).to(device))
          .movedim(1, -1));
  graph.edge_points =
      values_of(edge.decode_ids(id_table<kEdgeCodes>(parsed.edge_codes, edge.options().codes()).to(device))
                    .movedim(1, -1));
  return graph;
}

}  // namespace arzoo::shape3d
