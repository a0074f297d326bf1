// arzoo inspect, of a file of any kind: a checkpoint, a picture, a mesh.

#include "fuzz/commands/command_target.h"
#include "result_summary.h"
#include "tasks/tasks.h"

namespace {

using namespace arzoo;

/// Meshes are known by their names: the one that the first bytes would have.
std::string name_for(std::string_view bytes) {
  constexpr std::pair<std::string_view, const char*> kBegins[] = {
      {"glTF", "mesh.glb"}, {"ply", "mesh.ply"}, {"OFF", "mesh.off"}, {"solid", "mesh.stl"},
      {"    ", "mesh.stl"}, {"v ", "mesh.obj"},  {"#", "mesh.obj"},   {"o ", "mesh.obj"}};
  for (const auto& [begin, name] : kBegins) {
    if (bytes.substr(0, begin.size()) == begin) return name;
  }
  return "file";
}

void inspect(const fuzz::fs::path& path, Progress& progress) {
  const auto result = tasks::inspect({path}, progress, fuzz::kNeverStop);
  cli::inspect_summary(result);
  dump_json(result, 2);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::CommandTarget target;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto path = target.write(name_for(bytes), bytes);
  target.run(size, [&](Progress& progress) { inspect(path, progress); });
  return 0;
}
