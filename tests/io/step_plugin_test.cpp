#include "io/step_plugin.h"

#include <limits>

#include "core/atomic_file.h"
#include "core/error.h"
#include "support/test.h"

using namespace arzoo;
using test::TempDir;

namespace {

/// The plug-in, an option that is off by default; null where this build does not have it.
const io::CadPlugin* plugin() {
  try {
    return &io::cad_plugin("part.step");
  } catch (const DataError& error) {
    CHECK_THAT(error.what(), ContainsSubstring("part.step: needs the plug-in libarzoo_cad.so"));
    CHECK_THAT(error.what(), ContainsSubstring("scripts/setup.sh --cad"));
    return nullptr;
  }
}

}  // namespace

TEST_CASE("names tell the STEP files") {
  CHECK(io::is_step_name("a/b.step"));
  CHECK(io::is_step_name("B.STP"));
  CHECK_FALSE(io::is_step_name("x.stl"));
  CHECK_FALSE(io::is_step_name("step"));
}

TEST_CASE("a made part is valid, is the same for its seed, and is the same from its STEP file") {
  const auto* cad = plugin();
  if (cad == nullptr) return;
  const auto kind = GENERATE(range(0, 8));
  INFO(io::part_kinds()[static_cast<std::size_t>(kind)]);
  io::BrepGraph graph, again;
  std::string step, error = cad->make_part(kind, 3, 1, 16, graph, &step);
  REQUIRE(error == "");
  REQUIRE(cad->make_part(kind, 3, 1, 16, again, nullptr) == "");
  CHECK(again.face_points == graph.face_points);
  CHECK(graph.faces() >= 6);
  CHECK(graph.edge_faces.size() == static_cast<std::size_t>(graph.edges()));
  const TempDir temp;
  const auto file = temp / "part.step";
  write_atomically(file, step);
  io::CadSummary summary;
  REQUIRE(cad->describe(file.string(), {}, summary) == "");
  CHECK(summary.solids == 1);
  CHECK(summary.faces == graph.faces());
  CHECK(summary.edges == graph.edges());
  CHECK(summary.closed);
  CHECK(summary.valid);
  CHECK(summary.volume > 0);
  io::CadSolids solids;
  REQUIRE(cad->read(file.string(), {.side = 16}, solids) == "");
  REQUIRE(solids.solids.size() == 1);
  CHECK(solids.solids[0].faces() == graph.faces());
  solids = {};
  REQUIRE(cad->read(file.string(), {.side = 16, .faces = 3}, solids) == "");
  REQUIRE(solids.refused.size() == 1);
  CHECK_THAT(solids.refused[0], ContainsSubstring("at most 3"));
}

TEST_CASE("a file that is no STEP file, or cut short, is refused and no crash") {
  const auto* cad = plugin();
  if (cad == nullptr) return;
  const TempDir temp;
  const auto refused = [&](const std::string& text) {
    const auto file = temp / "bad.step";
    write_atomically(file, text);
    io::CadSummary summary;
    return cad->describe(file.string(), {}, summary);
  };
  CHECK_THAT(refused(""), ContainsSubstring("is no STEP file"));
  CHECK_THAT(refused("solid x\nendsolid\n"), ContainsSubstring("is no STEP file"));
  CHECK(refused("ISO-10303-21;\n") != "");
  CHECK(refused("ISO-10303-21;\nHEADER;\nENDSEC;\nDATA;\n#1=CARTESIAN_POINT('',(0.,0.)));\nENDSEC;\n") != "");
  io::BrepGraph graph;
  std::string step;
  REQUIRE(cad->make_part(0, 1, 0, 8, graph, &step) == "");
  for (const double share : {0.2, 0.5, 0.9})
    refused(step.substr(0, static_cast<std::size_t>(share * static_cast<double>(step.size()))));
  io::CadSummary summary;
  CHECK_THAT(cad->describe((temp / "none.step").string(), {}, summary), ContainsSubstring("cannot be read"));
}

TEST_CASE("a plan of a solid that cannot be is an error and no crash") {
  const auto* cad = plugin();
  if (cad == nullptr) return;
  const double value = GENERATE(0.0, 1e300, std::numeric_limits<double>::quiet_NaN());
  INFO(value);
  io::SolidPlan plan;
  plan.side = 4;
  const std::vector<std::array<double, 3>> grid(16, {value, value, value}), line(4, {value, value, value});
  plan.faces = {{grid, {{0, 1}}}, {grid, {{2, 3}}}};
  plan.coedges.assign(4, line);
  io::BuiltSolid built;
  CHECK(cad->build(plan, built) != "");
  CHECK_FALSE(built.valid);
  plan.faces[0].loops = {{7}};
  CHECK(cad->build(plan, built) != "");
}
