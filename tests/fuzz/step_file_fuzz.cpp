// What `arzoo inspect` and trainings read of STEP files, by OpenCASCADE in the plug-in: only where it is
// built. A crash of OpenCASCADE is a refusal, for it works in a process of its own; they are counted.

#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "fuzz/fuzz_target.h"
#include "io/step_plugin.h"

namespace {

/// How many inputs ended how, told at the end.
struct Outcomes {
  std::size_t read = 0, refused = 0, crashed = 0, slow = 0;
  ~Outcomes() {
    std::printf("%zu read, %zu refused, of these %zu crashed OpenCASCADE and %zu took it too long\n", read,
                refused, crashed, slow);
  }
};

void count(const std::string& error) {
  static Outcomes outcomes;
  ++(error.empty() ? outcomes.read : outcomes.refused);
  if (error.find("crash") != std::string::npos) ++outcomes.crashed;
  if (error.find("more than") != std::string::npos) ++outcomes.slow;
}

}  // namespace

std::vector<std::string> arzoo::fuzz::made_seeds() {
  std::vector<std::string> seeds;
  const auto& plugin = io::cad_plugin("the fuzz target");
  for (const int64_t kind : {0, 1, 5, 7}) {
    io::BrepGraph graph;
    std::string step;
    if (!plugin.make_part(kind, 1, 0, 4, graph, &step).empty()) std::abort();
    seeds.push_back(step);
  }
  return seeds;
}

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace arzoo;
  const int file = ::memfd_create("input.step", 0);
  if (file < 0 || ::write(file, data, size) != static_cast<ssize_t>(size)) std::abort();
  const auto path = "/proc/self/fd/" + std::to_string(file);
  fuzz::refuse_or_accept([&] {
    const auto& plugin = io::cad_plugin("input.step");
    io::CadSummary summary;
    const auto error = plugin.describe(path, {}, summary);
    count(error);
    if (!error.empty()) return;
    io::CadSolids solids;
    count(plugin.read(path, {.side = 4}, solids));
    for (const auto& graph : solids.solids) {
      const auto faces = static_cast<std::size_t>(graph.faces());
      if (graph.face_points.size() != faces * 4 * 4 * 3 || graph.surfaces.size() != faces) std::abort();
      if (graph.edge_faces.size() != static_cast<std::size_t>(graph.edges())) std::abort();
      for (const auto& [a, b] : graph.edge_faces) {
        if (a < 0 || b < 0 || a >= graph.faces() || b >= graph.faces()) std::abort();
      }
      for (const float x : graph.face_points) {
        if (!std::isfinite(x)) std::abort();
      }
    }
  });
  ::close(file);
  return 0;
}
