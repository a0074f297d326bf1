// AutoBrep without a CAD kernel: sequences of solids, their grammar, and rebuilding.

#include <random>
#include <set>

#include "core/seeded_random.h"
#include "shape3d/solids/autobrep_fsq_model.h"
#include "shape3d/solids/autobrep_model.h"
#include "shape3d/solids/brep_codes.h"
#include "shape3d/solids/brep_grammar.h"
#include "shape3d/solids/brep_rebuild.h"
#include "shape3d/solids/canonical_grids.h"
#include "shape3d/solids/prism_parts.h"
#include "shape3d/solids/regular_solid.h"
#include "support/test.h"

#include "nn/exponential_race.h"

using namespace arzoo;
using namespace arzoo::shape3d;

namespace {

constexpr BrepVocabulary kVocabulary{
    .bit = 8, .max_face = 30, .surf_codebook_size = 50, .edge_codebook_size = 40};

io::BrepGraph canonical_prism(const std::string& kind, uint64_t index) {
  auto graph = make_prism(kind, 7, index, 32);
  make_canonical(graph);
  return graph;
}

/// The tokens of a solid, with codes that are the number of the face or edge.
std::vector<int64_t> numbered_tokens(const io::BrepGraph& graph) {
  std::vector<std::array<int64_t, kFaceCodes>> faces;
  std::vector<std::array<int64_t, kEdgeCodes>> edges;
  for (int64_t face = 0; face < graph.faces(); ++face) faces.push_back({face, 1, 2, 3});
  for (int64_t edge = 0; edge < graph.edges(); ++edge) edges.push_back({edge % 40, 5});
  return with_codes(brep_sequence(graph, kVocabulary, complexity_of(graph.faces())), kVocabulary, faces,
                    edges);
}

AutobrepOptions small_options() {
  AutobrepOptions options;
  options.bit = 5;
  options.max_face = 10;
  options.max_seq = 120;
  options.surf_codebook_size = options.edge_codebook_size = 12;
  options.depth = 1;
  options.dim = 16;
  options.heads = 2;
  options.dim_head = 32;
  options.kv_groups = 1;
  return options;
}

}  // namespace

TEST_CASE("a solid's sequence says its faces, its edges and which faces they join, and the grammar has it") {
  const auto kind = GENERATE(from_range(prism_kinds()));
  const auto graph = canonical_prism(kind, GENERATE(0, 1, 2));
  const auto tokens = numbered_tokens(graph);
  const auto parsed = parse_brep(tokens, kVocabulary);
  REQUIRE(parsed.face_boxes.size() == static_cast<std::size_t>(graph.faces()));
  REQUIRE(parsed.edge_boxes.size() == static_cast<std::size_t>(graph.edges()));
  // The codes number the faces: the graph is the same under this renaming.
  std::set<std::array<int64_t, 2>> joined, expected;
  for (const auto& [a, b] : parsed.edge_faces) {
    const auto one = parsed.face_codes[static_cast<std::size_t>(a)][0],
               two = parsed.face_codes[static_cast<std::size_t>(b)][0];
    joined.insert({std::min(one, two), std::max(one, two)});
  }
  for (const auto& [a, b] : graph.edge_faces) expected.insert({std::min(a, b), std::max(a, b)});
  const bool same_graph = joined == expected;
  CHECK(same_graph);
  BrepGrammar grammar(kVocabulary, static_cast<int64_t>(tokens.size()));
  for (std::size_t i = 5; i < tokens.size(); ++i) REQUIRE_NOTHROW(grammar.read(tokens[i]));
  CHECK(grammar.ended());
}

TEST_CASE("whatever the grammar allows is parsed and ends in time") {
  std::mt19937_64 random(3);
  for (int i = 0; i < 300; ++i) {
    const int64_t most = BrepGrammar::kShortest + static_cast<int64_t>(random() % 400);
    const BrepVocabulary vocabulary{.bit = 1 + static_cast<int64_t>(random() % 4),
                                    .max_face = 1 + static_cast<int64_t>(random() % 20),
                                    .surf_codebook_size = 5,
                                    .edge_codebook_size = 3};
    BrepGrammar grammar(vocabulary, most);
    std::vector<int64_t> tokens{kBos, kBom, kUncond, kEom, kBoc};
    while (!grammar.ended()) {
      const auto ranges = grammar.allowed();
      const auto& [first, last] = ranges[random() % ranges.size()];
      REQUIRE(first < last);
      tokens.push_back(first + static_cast<int64_t>(random() % static_cast<uint64_t>(last - first)));
      grammar.read(tokens.back());
      REQUIRE(static_cast<int64_t>(tokens.size()) - 5 <= most);
    }
    REQUIRE_NOTHROW(parse_brep(tokens, vocabulary));
  }
}

TEST_CASE("the grammar keeps an edge within both its faces") {
  const BrepVocabulary vocabulary{.bit = 4, .max_face = 8, .surf_codebook_size = 5, .edge_codebook_size = 3};
  BrepGrammar grammar(vocabulary, 200);
  const auto face = [&](const BoxBits& box) {
    grammar.read(kBof);
    for (const int64_t coordinate : box) grammar.read(vocabulary.boxes() + coordinate);
    for (int code = 0; code < kFaceCodes; ++code) grammar.read(vocabulary.face_codes());
  };
  grammar.read(kBol);
  face({2, 2, 5, 9, 9, 5});
  for (const int64_t token : {kEof, kEol, kBol}) grammar.read(token);
  face({2, 9, 5, 7, 9, 12});
  grammar.read(vocabulary.references());
  // One coordinate on either side is allowed, for samples of curves.
  const std::vector<std::pair<int64_t, int64_t>> expected{{1, 8}, {8, 10}, {4, 6}, {3, 8}, {9, 10}, {5, 6}};
  for (const auto& [low, high] : expected) {
    const auto allowed = grammar.allowed();
    REQUIRE(allowed.size() == 1);
    CHECK(allowed[0] == std::pair{vocabulary.boxes() + low, vocabulary.boxes() + high + 1});
    grammar.read(allowed[0].first + (low == 1 ? 2 : 1));
  }
}

TEST_CASE("a sequence that the grammar does not produce is refused with its place") {
  const auto tokens = numbered_tokens(canonical_prism("block", 0));
  const auto changed = [&](std::size_t place, int64_t token) {
    auto other = tokens;
    other[place] = token;
    return other;
  };
  CHECK_THROWS_WITH(parse_brep({}, kVocabulary), ContainsSubstring("expected BOC"));
  CHECK_THROWS_WITH(parse_brep(changed(5, kEof), kVocabulary), "token 5: 9, expected BOL");
  CHECK_THROWS_WITH(parse_brep(changed(7, kBos), kVocabulary), "token 7: 0, expected a coordinate of a box");
  CHECK_THROWS_WITH(parse_brep(changed(13, kVocabulary.edge_codes()), kVocabulary),
                    ContainsSubstring("a code of a face"));
  CHECK_THROWS_WITH(parse_brep(changed(17, kVocabulary.references()), kVocabulary),
                    ContainsSubstring("a reference to an earlier face"));
  for (std::size_t length = 0; length + 1 < tokens.size(); ++length)
    CHECK_THROWS_AS(
        parse_brep({tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(length)}, kVocabulary),
        DataError);
}

TEST_CASE("the samples of a face do not depend on the direction of its parameters") {
  auto graph = canonical_prism("angle", 1);
  auto turned = graph;
  const int64_t side = graph.side, count = 3 * side * side;
  for (int64_t face = 0; face < graph.faces(); ++face) {
    auto* points = turned.face_points.data() + face * count;
    const std::vector<float> old(points, points + count);
    for (int64_t i = 0; i < side; ++i) {
      for (int64_t j = 0; j < side; ++j)
        std::copy_n(old.begin() + 3 * ((side - 1 - j) * side + i), 3, points + 3 * (i * side + j));
    }
  }
  make_canonical(turned);
  CHECK(turned.face_points == graph.face_points);
}

TEST_CASE(
    "a prism that was decoded inexactly becomes regular: flat faces, straight edges, vertices where they "
    "meet") {
  const auto kind = GENERATE(from_range(prism_kinds()));
  const auto graph = canonical_prism(kind, 3);
  auto noisy = graph;
  std::mt19937_64 engine(5);
  for (auto* list : {&noisy.face_points, &noisy.edge_points}) {
    for (auto& x : *list) x += static_cast<float>(0.01 * normal(engine));
  }
  const auto exact = merged_skeleton(graph, 0.002);
  auto skeleton = merged_skeleton(noisy, 0.002);
  auto faces = placed_faces(noisy, skeleton);
  for (const auto& face : recognised_faces(faces, skeleton)) CHECK(face.kind == RegularFace::Kind::plane);
  make_regular(faces, skeleton, graph.side);
  REQUIRE(skeleton.vertices.size() == exact.vertices.size());
  const auto regular = recognised_faces(faces, skeleton);
  for (std::size_t i = 0; i < skeleton.coedges.size(); ++i) {
    const auto& coedge = skeleton.coedges[i];
    const auto& plane = regular[static_cast<std::size_t>(coedge.face)];
    for (const auto& point : coedge.points)
      CHECK(std::abs(dot(plane.direction, minus(point, plane.origin))) < 1e-6);
    for (std::size_t end : {0U, 1U}) {
      const auto& vertex = skeleton.vertices[static_cast<std::size_t>(coedge.vertices[end])];
      CHECK(norm(minus(end == 0 ? coedge.points.front() : coedge.points.back(), vertex)) < 1e-9);
      CHECK(norm(minus(vertex, exact.vertices[static_cast<std::size_t>(exact.coedges[i].vertices[end])])) <
            0.03);
    }
  }
  for (std::size_t face = 0; face < faces.size(); ++face) {
    for (const auto& point : faces[face])
      CHECK(std::abs(dot(regular[face].direction, minus(point, regular[face].origin))) < 1e-6);
  }
}

TEST_CASE("ends of a prism's edges become its corners, and each face has its loop") {
  const auto graph = canonical_prism("gutter", 2);
  const auto skeleton = merged_skeleton(graph, 0.002);
  CHECK(skeleton.vertices.size() == 16);
  REQUIRE(skeleton.coedges.size() == 2 * static_cast<std::size_t>(graph.edges()));
  for (const auto& coedge : skeleton.coedges) {
    for (std::size_t end : {0U, 1U}) {
      const auto& vertex = skeleton.vertices[static_cast<std::size_t>(coedge.vertices[end])];
      const auto& point = end == 0 ? coedge.points.front() : coedge.points.back();
      for (std::size_t axis = 0; axis < 3; ++axis) CHECK(point[axis] == Approx(vertex[axis]).margin(1e-6));
    }
  }
  const auto plan = solid_plan(graph, {.fit_steps = 2, .regular = false});
  REQUIRE(plan.faces.size() == 10);
  for (const auto& face : plan.faces) {
    REQUIRE(face.loops.size() == 1);
    CHECK(face.points.size() == 32 * 32);
  }
}

TEST_CASE("edges that do not make a solid are refused") {
  auto graph = canonical_prism("block", 0);
  graph.edge_faces[0] = {0, 1};
  CHECK_THROWS_AS(merged_skeleton(graph, 0.002), DataError);
  graph = canonical_prism("block", 0);
  std::fill(graph.edge_points.begin(), graph.edge_points.end(), 0.0F);
  CHECK_THROWS_AS(merged_skeleton(graph, 0.002), DataError);
}

TEST_CASE("a code opened is the code, for levels even and odd") {
  const FiniteScalarQuantizer quantizer({8, 5, 4, 3});
  const auto ids = at::arange(8 * 5 * 4 * 3);
  CHECK(quantizer.ids(quantizer.opened(ids)).equal(ids));
}

TEST_CASE("an untrained AutoBrep with the grammar gives sequences that are parsed, one row as in a batch") {
  torch::manual_seed(1);
  Autobrep model(small_options());
  model.eval();
  const torch::NoGradGuard no_grad;
  const auto sampled = [&](std::vector<uint64_t> seeds) {
    AutobrepStream stream(model, /*grammar=*/true, 100);
    nn::ExponentialRace random_inputs(seeds);
    const auto prompt =
        at::tensor({0, 12, 17, 13, 4}, at::kLong).repeat({static_cast<int64_t>(seeds.size()), 1});
    return nn::decode_tokens(stream, prompt, 100, decoding_rules(AutobrepGenerationOptions{}), random_inputs);
  };
  const auto all = sampled({1, 2, 3});
  for (int64_t row = 0; row < all.size(0); ++row) {
    const auto own = all[row].contiguous();
    const std::vector<int64_t> tokens(own.const_data_ptr<int64_t>(),
                                      own.const_data_ptr<int64_t>() + own.numel());
    CHECK_NOTHROW(parse_brep(tokens, vocabulary_of(model.options())));
  }
  const auto alone = sampled({2})[0];
  CHECK(all[1].narrow(0, 0, alone.numel()).equal(alone));
}

TEST_CASE("a step of an AutoBrep with a cache gives what the whole pass gives") {
  torch::manual_seed(2);
  auto options = small_options();
  options.heads = 4;
  options.kv_groups = 2;
  Autobrep model(options);
  model.eval();
  const torch::NoGradGuard no_grad;
  const auto tokens = at::randint(0, vocabulary_of(options).size(), {2, 9}, at::kLong);
  AutobrepStream stream(model, /*grammar=*/false, 20);
  stream.read(tokens.narrow(1, 0, 7));
  const auto step = stream.read(tokens.narrow(1, 7, 1));
  CHECK(at::allclose(step, model.forward(tokens).select(1, 7), 1e-4, 1e-5));
}

TEST_CASE("a solid through codes and tokens and back has its boxes and its graph") {
  torch::manual_seed(3);
  AutobrepFsqOptions options;
  for (auto* coder : {&options.surface, &options.edge}) {
    coder->block_out_channels = {4, 4, 4, 4};
    coder->layers_per_block = 1;
  }
  AutobrepFsq coders(options);
  coders.eval();
  const BrepVocabulary vocabulary{};
  const auto graph = canonical_prism("cross", 0);
  const auto back = solid_of_tokens(tokens_of_solid(graph, coders, vocabulary, kEasy), coders, vocabulary);
  CHECK(back.faces() == graph.faces());
  CHECK(back.edges() == graph.edges());
  CHECK(back.face_points.size() == graph.face_points.size());
}
