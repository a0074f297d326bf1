// A mesh to the tokens of a trained model and back: arzoo encode and arzoo decode.

#include "io/mesh_file.h"
#include "io/token_file.h"
#include "shape3d/implicit_shape.h"
#include "support/tasks.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

template <class Task>
Json run(const Task& task) {
  SilentProgress progress;
  return tasks::run_family_command(task, progress, test::kNeverStop);
}

plan::EncodeTask encoding(const fs::path& mesh, const fs::path& model, const fs::path& output) {
  plan::EncodeTask task;
  task.compute.device = "cpu";
  task.input = mesh;
  task.model = model;
  task.output = output;
  return task;
}

plan::DecodeTask decoding(const fs::path& tokens, const fs::path& model, const fs::path& output) {
  plan::DecodeTask task;
  task.compute.device = "cpu";
  task.input = tokens;
  task.model = model;
  task.output = output;
  task.resolution = 24;
  return task;
}

/// A box away from the origin and not of the models' size.
fs::path placed_box(const TempDir& temp) {
  auto mesh = shape3d::make_solid("box", 1, 0).surface(24);
  for (auto& vertex : mesh.vertices) vertex = vertex * 10.0F + io::Vec3{100.0F, 0.0F, -40.0F};
  const auto path = temp / "box.ply";
  io::write_mesh(path, mesh);
  return path;
}

}  // namespace

TEST_CASE("a mesh goes to a few bytes of a tokenizer and comes back where it stood") {
  const auto name = GENERATE(as<std::string>(), "vat", "g3pt_vq", "argus3d_vq");
  INFO(name);
  const TempDir temp;
  // A field that is above 0 somewhere after a few steps: a ball alone, and points within it.
  const auto model = temp / "run";
  test::train(test::committed_task("shape3d/" + name + "_tiny", model, {"training.epochs=12"}));
  const auto mesh = placed_box(temp);
  const auto tokens = temp / "box.tokens";
  const auto encoded = run(encoding(mesh, model, tokens));
  CHECK(encoded["bytes"] == fs::file_size(tokens));
  CHECK(encoded["bytes"].get<int64_t>() < 100);
  CHECK(run(encoding(mesh, model, temp / "again.tokens"))["bytes"] == encoded["bytes"]);
  CHECK(test::read_file(temp / "again.tokens") == test::read_file(tokens));
  const auto file = io::read_token_file(tokens);
  CHECK(file.placement.size() == 4);
  try {
    const auto decoded = run(decoding(tokens, model, temp / "box.obj"));
    CHECK(decoded["watertight"] == true);
    for (const auto& vertex : io::read_mesh(temp / "box.obj").vertices) {
      CHECK(std::abs(vertex.x - 100.0F) < 30.0F);
      CHECK(std::abs(vertex.z + 40.0F) < 30.0F);
    }
  } catch (const CheckFailed& error) {
    // What has learnt nothing may say that nothing is inside; then it says so.
    CHECK_THAT(error.what(), ContainsSubstring("nothing is inside"));
  }

  auto other = file;
  other.model ^= 1;
  std::ofstream(temp / "other.tokens") << io::token_file_bytes(other);
  CHECK_THROWS_WITH(run(decoding(temp / "other.tokens", model, temp / "x.obj")),
                    ContainsSubstring("other.tokens: the tokens of a model"));
  other = file;
  other.tokens.pop_back();
  std::ofstream(temp / "short.tokens") << io::token_file_bytes(other);
  CHECK_THROWS_AS(run(decoding(temp / "short.tokens", model, temp / "x.obj")), DataError);
}

TEST_CASE("a model without tokens codes nothing") {
  const TempDir temp;
  CHECK_THROWS_WITH(
      run(encoding(placed_box(temp), test::source_dir() / "data/shapes/vae", temp / "x.tokens")),
      ContainsSubstring("a shape_vae has no tokens"));
}
