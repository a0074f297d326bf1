// Replays of what AutoBrep does without a network: tokens and rebuilding.

#include <torch/torch.h>

#include <random>

#include "core/options_among.h"
#include "runtime/rounding_noise.h"
#include "shape3d/fixture.h"
#include "shape3d/solids/autobrep.h"
#include "shape3d/solids/autobrep_model.h"
#include "shape3d/solids/brep_fixture.h"
#include "shape3d/solids/brep_rebuild.h"
#include "shape3d/solids/canonical_grids.h"

namespace arzoo::shape3d {
namespace {

using runtime::ParityCase;
using runtime::ParityReport;

std::vector<float> floats_of(const at::Tensor& tensor) {
  const auto own = tensor.to(at::kFloat).contiguous();
  return {own.const_data_ptr<float>(), own.const_data_ptr<float>() + own.numel()};
}

std::vector<io::Box6> boxes_of(const at::Tensor& tensor) {
  const auto values = floats_of(tensor);
  std::vector<io::Box6> boxes(values.size() / 6);
  for (std::size_t i = 0; i < 6 * boxes.size(); ++i) boxes[i / 6][i % 6] = values[i];
  return boxes;
}

/// names: of the grids of faces and of edges.
io::BrepGraph graph_of(const ParityCase& fixture, const std::string& prefix, const char* faces,
                       const char* edges) {
  io::BrepGraph graph;
  graph.side = fixture.input(prefix + edges).size(1);
  graph.face_points = floats_of(fixture.input(prefix + faces));
  graph.edge_points = floats_of(fixture.input(prefix + edges));
  graph.face_boxes = boxes_of(fixture.input(prefix + "face_bbox"));
  graph.edge_boxes = boxes_of(fixture.input(prefix + "edge_bbox"));
  const auto incidence = fixture.input(prefix + "incidence").ne(0);
  for (int64_t edge = 0; edge < incidence.size(1); ++edge) {
    const auto owners = incidence.select(1, edge).nonzero().flatten();
    if (owners.numel() != 2)
      fail<CheckFailed>("{}: {}incidence: edge {} has {} faces, expected 2", fixture.name, prefix, edge,
                        owners.numel());
    graph.edge_faces.push_back(
        {static_cast<int32_t>(owners[0].item<int64_t>()), static_cast<int32_t>(owners[1].item<int64_t>())});
  }
  return graph;
}

/// A list of arrays of numbers as [N, K].
template <class Rows>
at::Tensor table_of(const Rows& rows, at::ScalarType type) {
  using Number = typename Rows::value_type::value_type;
  std::vector<Number> flat;
  for (const auto& row : rows) flat.insert(flat.end(), row.begin(), row.end());
  return at::tensor(flat).to(type).view({static_cast<int64_t>(rows.size()), -1});
}

template <std::size_t N>
std::vector<std::array<int64_t, N>> codes_of(const at::Tensor& tensor) {
  const auto own = tensor.to(at::kLong).contiguous();
  std::vector<std::array<int64_t, N>> codes(static_cast<std::size_t>(own.size(0)));
  for (std::size_t i = 0; i < codes.size() * N; ++i) codes[i / N][i % N] = own.const_data_ptr<int64_t>()[i];
  return codes;
}

void check_parsed(const std::string& prefix, const ParsedBrep& parsed, int64_t bit, ParityReport& report) {
  std::vector<io::Box6> faces, edges;
  for (const auto& box : parsed.face_boxes) faces.push_back(opened_box(box, bit));
  for (const auto& box : parsed.edge_boxes) edges.push_back(opened_box(box, bit));
  report.check(prefix + "decoded_face_bbox", table_of(faces, at::kFloat));
  report.check(prefix + "decoded_edge_bbox", table_of(edges, at::kFloat));
  report.check(prefix + "decoded_face_codes", table_of(parsed.face_codes, at::kLong));
  report.check(prefix + "decoded_edge_codes", table_of(parsed.edge_codes, at::kLong));
  auto incidence =
      at::zeros({static_cast<int64_t>(faces.size()), static_cast<int64_t>(edges.size())}, at::kLong);
  for (std::size_t edge = 0; edge < edges.size(); ++edge) {
    for (const int32_t face : parsed.edge_faces[edge]) incidence[face][static_cast<int64_t>(edge)] = 1;
  }
  report.check(prefix + "decoded_incidence", incidence);
}

std::vector<BoxBits> bits_of(const std::vector<io::Box6>& boxes, int64_t bit) {
  std::vector<BoxBits> bits;
  for (const auto& box : boxes) bits.push_back(quantised_box(box, bit));
  return bits;
}

void replay_solid(const ParityCase& fixture, const std::string& prefix, const AutobrepOptions& options,
                  ParityReport& report) {
  constexpr double kTurned = 0.9;  // numbers above it turn the solid
  auto graph = graph_of(fixture, prefix, "face_points", "edge_points");
  const auto draws = floats_of(fixture.input(prefix + "draws"));
  std::size_t drawn = 0;
  if (fixture.has_input(prefix + "rotation") && draws.at(drawn++) > kTurned) {
    const auto turn = fixture.input(prefix + "rotation");
    rotate(graph, turn[0].item<int>(), turn[1].item<int>() + 1);
  }
  bool canonical = true, meta = true;
  if (fixture.config.has("uv_invariant")) fixture.config.at("uv_invariant").read(canonical, {});
  if (fixture.config.has("load_meta")) fixture.config.at("load_meta").read(meta, {});
  if (canonical) make_canonical(graph);
  report.check(prefix + "faces_sorted",
               at::tensor(graph.face_points).view(fixture.input(prefix + "face_points").sizes()));
  report.check(prefix + "edges_sorted",
               at::tensor(graph.edge_points).view(fixture.input(prefix + "edge_points").sizes()));
  const auto vocabulary = vocabulary_of(options);
  if (fixture.io.contains(prefix + "face_bits"))
    report.check(prefix + "face_bits", table_of(bits_of(graph.face_boxes, options.bit), at::kLong));
  if (fixture.io.contains(prefix + "edge_bits"))
    report.check(prefix + "edge_bits", table_of(bits_of(graph.edge_boxes, options.bit), at::kLong));
  int64_t complexity = -1;
  if (meta)
    complexity = static_cast<double>(draws.at(drawn)) > 1.0 - options.meta_ratio
                     ? complexity_of(graph.faces())
                     : kUncond;
  const auto sequence = brep_sequence(graph, vocabulary, complexity);
  report.check(prefix + "seq", at::tensor(sequence, at::kLong));
  const auto tokens =
      with_codes(sequence, vocabulary, codes_of<kFaceCodes>(fixture.input(prefix + "surf_id")),
                 codes_of<kEdgeCodes>(fixture.input(prefix + "edge_id")));
  report.check(prefix + "tokens", at::tensor(tokens, at::kLong));
  check_parsed(prefix, parse_brep(tokens, vocabulary), options.bit, report);
}

at::Tensor points_tensor(const std::vector<std::vector<WorldPoint>>& lists, at::IntArrayRef sizes) {
  std::vector<double> flat;
  for (const auto& points : lists) {
    for (const auto& point : points) flat.insert(flat.end(), point.begin(), point.end());
  }
  return at::tensor(flat, at::kDouble).to(at::kFloat).view(sizes);
}

/// Near its end the fitting walks back and forth in whole steps of Adam, as rounding decides.
void check_fitting(const ParityCase& fixture, const BrepSkeleton& skeleton,
                   const std::vector<std::vector<WorldPoint>>& placed, ParityReport& report) {
  constexpr int64_t kFitSteps = 200;
  constexpr uint64_t kRepetitions = 12;
  constexpr double kMost = 0.004;  // four steps of the optimiser
  const auto sizes = fixture.input("face_ncs").sizes();
  const auto fitted = [&](auto faces) {
    fit_faces(faces, skeleton, kFitSteps);
    return points_tensor(faces, sizes);
  };
  auto own = fitted(placed);
  const auto& expected = fixture.io.at("face_wcs");
  if (own.sizes() == expected.sizes() &&
      !at::allclose(own, expected, fixture.tolerance.rtol, fixture.tolerance.atol)) {
    auto spread = at::zeros_like(own);
    for (uint64_t seed = 0; seed < kRepetitions; ++seed) {
      std::mt19937_64 random(seed);
      auto faces = placed;
      for (auto& face : faces)
        for (auto& point : face)
          for (auto& x : point) x *= 1.0 + (random() % 2 == 0 ? runtime::kLastBit : -runtime::kLastBit);
      spread = at::maximum(spread, (fitted(std::move(faces)) - own).abs());
    }
    const auto points = own[0].numel();
    runtime::accept_noise(fixture, own, expected, {spread, at::full_like(own, kMost)},
                          [&](int64_t i) { return fmt::format("face {}", i / points); });
  }
  report.check("face_wcs", own);
}

}  // namespace

void replay_autobrep_tokens(const ParityCase& fixture, ParityReport& report) {
  const auto options = options_among<AutobrepOptions>(fixture.config);
  for (int64_t solid = 0;; ++solid) {
    const auto prefix = fmt::format("s{}.", solid);
    if (!fixture.has_input(prefix + "face_points")) break;
    replay_solid(fixture, prefix, options, report);
  }
}

void replay_autobrep_rebuild(const ParityCase& fixture, ParityReport& report) {
  double threshold = 0.0;
  fixture.config.at("vertex_threshold").read(threshold, at_least(0));
  const auto graph = graph_of(fixture, "", "face_ncs", "edge_ncs");
  const auto skeleton = merged_skeleton(graph, threshold);
  report.check("vertices", table_of(skeleton.vertices, at::kFloat));
  std::vector<std::array<int64_t, 2>> ends;
  std::vector<std::vector<WorldPoint>> curves;
  for (const auto& coedge : skeleton.coedges) {
    ends.push_back(coedge.vertices);
    curves.push_back(coedge.points);
  }
  report.check("edge_vertex", table_of(ends, at::kLong));
  report.check("edge_wcs", points_tensor(curves, {static_cast<int64_t>(curves.size()), graph.side, 3}));
  const auto faces = placed_faces(graph, skeleton);
  const auto sizes = fixture.input("face_ncs").sizes();
  report.check("face_wcs_1", points_tensor(faces, sizes));
  check_fitting(fixture, skeleton, faces, report);
  std::vector<int64_t> order, loop_of(ends.size(), 0);
  for (std::size_t face = 0; face + 1 < skeleton.first_coedge.size(); ++face) {
    const auto first = skeleton.first_coedge[face], last = skeleton.first_coedge[face + 1];
    const auto loops = linked_loops({ends.begin() + first, ends.begin() + last});
    for (std::size_t loop = 0; loop < loops.size(); ++loop) {
      for (const int64_t coedge : loops[loop]) {
        order.push_back(first + coedge);
        loop_of[static_cast<std::size_t>(first + coedge)] = static_cast<int64_t>(loop);
      }
    }
  }
  report.check("coedge_order", at::tensor(order, at::kLong));
  report.check("loop_of_coedge", at::tensor(loop_of, at::kLong));
}

}  // namespace arzoo::shape3d
