// A case says itself what its tensors are called; a replay that knows one case's names fails on another's.

#include "runtime/safetensors.h"
#include "support/tasks.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

/// `text` with each `from` replaced.
std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

/// The committed marching-cubes case with `from` in all its names as `to`, without the tensors and words of
/// `left_out`.
fs::path renamed_case(const TempDir& temp, const std::string& from, const std::string& to,
                      const std::string& left_out) {
  const auto source = test::source_dir() / "tests/fixtures/mar3d/mesh_marching_cubes",
             folder = temp / "mar3d" / "mesh_other";
  fs::create_directories(folder);
  fs::copy(source / "config.json", folder / "config.json");
  auto info = Json::parse(replaced(test::read_file(source / "case.json"), from, to));
  for (const auto* part : {"inputs", "outputs", "expected"}) {
    Json rest = Json::object();
    for (const auto& [name, value] : info[part].items()) {
      if (!name.starts_with(left_out)) rest[name] = value;
    }
    info[part] = rest;
  }
  temp.write("mar3d/mesh_other/case.json", info.dump());
  std::vector<runtime::NamedTensors::Entry> tensors;
  for (const auto& [name, tensor] : runtime::open_tensors(source / "io.safetensors")) {
    if (!name.starts_with(left_out)) tensors.emplace_back(replaced(name, from, to), tensor.clone());
  }
  runtime::write_safetensors(folder / "io.safetensors", tensors);
  return folder;
}

}  // namespace

TEST_CASE("a case of meshes may have other shapes under other names") {
  const TempDir temp;
  plan::ParityTask task;
  task.compute.device = "cpu";
  task.folders = {
      renamed_case(temp, "torus", "ring", GENERATE(as<std::string>{}, "two_spheres", "random", "empty"))};
  SilentProgress progress;
  const auto result = tasks::parity(task, progress, test::kNeverStop);
  const auto& one = result["cases"][0];
  INFO(one.dump(1));
  CHECK(result["passed"] == 1);
  CHECK(one.dump().find("ring_vertices") != std::string::npos);
}

TEST_CASE("dense points lie in the box that the case names, not in the one that they fill") {
  const TempDir temp;
  const auto folder = renamed_case(temp, "torus", "ring", "empty");
  std::vector<runtime::NamedTensors::Entry> tensors;
  for (const auto& [name, tensor] : runtime::open_tensors(folder / "io.safetensors")) {
    auto own = tensor.clone();
    if (name.starts_with("dense_points")) own += 0.25;
    tensors.emplace_back(name, own);
  }
  runtime::write_safetensors(folder / "io.safetensors", tensors);
  plan::ParityTask task;
  task.compute.device = "cpu";
  task.folders = {folder};
  SilentProgress progress;
  CHECK(tasks::parity(task, progress, test::kNeverStop)["failed"] == 1);
}
