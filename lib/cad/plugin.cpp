// The plug-in: STEP files and B-rep solids for lib/io/step_plugin.h.

#include <BRepCheck_Analyzer.hxx>
#include <TopExp.hxx>
#include <TopTools_IndexedMapOfShape.hxx>

#include <filesystem>

#include "cad/answer_bytes.h"
#include "cad/brep_sampling.h"
#include "cad/child_process.h"
#include "cad/guarded.h"
#include "cad/parts.h"
#include "cad/rebuilding.h"
#include "cad/step_files.h"

namespace arzoo::cad {
namespace {

std::string sampled_part(int64_t kind, uint64_t seed, uint64_t index, int64_t side, io::BrepGraph& graph,
                         std::string* step) {
  const auto shape = make_part(kind, seed, index);
  TopTools_IndexedMapOfShape solids;
  TopExp::MapShapes(shape, TopAbs_SOLID, solids);
  if (solids.Extent() != 1) return "is not one solid";
  io::CadLimits limits;
  limits.side = side;
  if (auto error = sample_solid(solids(1), limits, graph); !error.empty()) return error;
  return step == nullptr ? std::string() : write_step(solids(1), *step);
}

/// So much for a file: large ones of many curved faces take a minute.
ChildLimits limits_of(const std::string& path) {
  std::error_code ignored;
  const auto size = std::filesystem::file_size(path, ignored);
  const uint64_t bytes = ignored ? 0 : size;
  constexpr uint64_t kMegabyte = 1'000'000;
  return {.seconds = static_cast<int64_t>(60 + 20 * bytes / kMegabyte),
          .bytes = 512 * kMegabyte + 128 * bytes};
}

/// function fills a result in a child process; here it is afterwards.
template <class Result>
std::string isolated(const ChildLimits& limits, Result& result,
                     const std::function<std::string(Result&)>& function) {
  return guarded([&] {
    std::string answer;
    auto error = in_child(
        limits,
        [&](std::string& bytes) {
          auto own_error = function(result);
          AnswerWriter writer(bytes);
          if (own_error.empty()) writer(result);
          return own_error;
        },
        answer);
    if (!error.empty()) return error;
    AnswerReader reader(answer);
    reader(result);
    return reader.is_whole() ? std::string() : std::string("OpenCASCADE's process answered in part");
  });
}

class Plugin : public io::CadPlugin {
 public:
  std::string describe(const std::string& path, const io::CadLimits& limits,
                       io::CadSummary& summary) const override {
    return isolated<io::CadSummary>(limits_of(path), summary,
                                    [&](io::CadSummary& own) { return describe_step(path, limits, own); });
  }
  std::string read(const std::string& path, const io::CadLimits& limits,
                   io::CadSolids& solids) const override {
    return isolated<io::CadSolids>(limits_of(path), solids,
                                   [&](io::CadSolids& own) { return read_solids(path, limits, own); });
  }
  std::string make_part(int64_t kind, uint64_t seed, uint64_t index, int64_t side, io::BrepGraph& graph,
                        std::string* step) const override {
    return guarded([&] { return sampled_part(kind, seed, index, side, graph, step); });
  }
  std::string build(const io::SolidPlan& plan, io::BuiltSolid& built) const override {
    return isolated<io::BuiltSolid>({}, built, [&](io::BuiltSolid& own) { return build_solid(plan, own); });
  }
};

}  // namespace
}  // namespace arzoo::cad

extern "C" const arzoo::io::CadPlugin* arzoo_cad_plugin() {
  static const arzoo::cad::Plugin plugin;
  return &plugin;
}
