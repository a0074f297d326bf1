// Shape models trained on solids and meshes, from the files to folders that generate, and the meshes that
// they generate.

#include "io/mesh_file.h"
#include "io/mesh_renderer.h"
#include "io/png_file.h"
#include "kernels/bf16_products.h"
#include "shape3d/implicit_shape.h"
#include "support/python.h"
#include "support/resumed_runs.h"

using namespace arzoo;
using test::TempDir;
using test::train;
namespace fs = std::filesystem;

namespace {

plan::TrainTask shape_task(const std::string& name, const fs::path& out,
                           const std::vector<std::string>& set = {}) {
  return test::committed_task("shape3d/" + name, out, set);
}

plan::Generate3dTask generation(const fs::path& output) {
  plan::Generate3dTask task;
  task.compute.device = "cpu";
  task.compute.seed = 4;
  task.model = test::source_dir() / "data/shapes";
  task.classes = {"table", "mug"};
  task.resolution = 32;
  task.sampling["steps"] = 6;
  task.output = output;
  return task;
}

Json sample_shapes(const plan::Generate3dTask& task) {
  SilentProgress progress;
  return tasks::generate_3d(task, progress, test::kNeverStop);
}

}  // namespace

TEST_CASE("a shape model's run, interrupted at any step and resumed, is the run that was not") {
  const auto* name = GENERATE("shape_vae_tiny", "mar3d_tiny", "vat_tiny", "g3pt_vq_tiny", "argus3d_vq_tiny",
                              "argus3d_tiny", "g3pt_tiny");
  INFO(name);
  const TempDir temp;
  train(shape_task(name, temp / "whole"));
  test::train_interrupted(shape_task(name, temp / "run"), 3);
  test::check_same_run(temp / "run", temp / "whole");
  CHECK_THAT(test::read_file(temp / "run/report.html"), ContainsSubstring("data:image/png;base64,"));
}

TEST_CASE("a shape VAE learns from meshes in folders, which are its classes, and is tested on others") {
  const TempDir temp;
  for (const auto* kind : {"ball", "box"}) {
    fs::create_directories(temp / kind);
    for (int64_t i = 0; i < 4; ++i)
      io::write_mesh(temp / kind / fmt::format("{}.ply", i), shape3d::make_solid(kind, 1, i).surface(24));
  }
  fs::create_directories(temp / "test" / "box");
  io::write_mesh(temp / "test" / "box" / "a.off", shape3d::make_solid("box", 2, 0).surface(24));
  const auto set = [&](const fs::path& path) {
    return std::vector<std::string>{"data.path=" + path.string(),
                                    "data.test_path=" + (temp / "test").string(),
                                    "data.solids=[]",
                                    "evaluation.test=true",
                                    "training.batch_size=2",
                                    "evaluation.resolution=12"};
  };
  const auto result = train(shape_task("shape_vae_tiny", temp / "run", set(temp.path())));
  for (const char* metric : {"iou", "iou_low", "chamfer", "f_0.02", "nc"})
    CHECK(result["test"].contains(metric));
  CHECK(Json::parse(test::read_file(temp / "run/model/config.json"))["classes"] == Json({"ball", "box"}));

  auto open = shape3d::make_solid("box", 1, 0).surface(24);
  open.triangles.pop_back();
  io::write_mesh(temp / "box" / "open.ply", open);
  CHECK_THROWS_WITH(train(shape_task("shape_vae_tiny", temp / "other", set(temp.path()))),
                    ContainsSubstring("open.ply: 3 of"));
}

TEST_CASE("a tokenizer of other tokens is refused with the key and both numbers") {
  const TempDir temp;
  CHECK_THROWS_WITH(train(shape_task("mar3d_tiny", temp / "run", {"model.hr.latent_size=32"})),
                    ContainsSubstring("/model/hr/latent_size: 32, but the tokenizer has 16 tokens"));
}

TEST_CASE("the bundled model generates closed meshes, the same for a seed in any batch") {
  const TempDir temp;
  auto task = generation(temp / "all");
  task.count = 2;
  const auto result = sample_shapes(task);
  CHECK(result["shapes"] == 4);
  CHECK(result["empty"] == 0);
  for (const auto& mesh : result["meshes"]) {
    CHECK(mesh["watertight"] == true);
    CHECK(summarise(io::read_mesh(mesh["file"].get<std::string>())).is_watertight());
  }
  const auto sheet = io::read_png(temp / "all/sheet.png");
  CHECK(sheet.width > sheet.height);

  task.output = temp / "mug.glb";
  task.classes = {"mug"};
  task.count = 1;
  task.first = 3;
  sample_shapes(task);
  const auto alone = io::read_mesh(temp / "mug.glb"), among = io::read_mesh(temp / "all/000003_mug.glb");
  // With AVX-512 a row of a product does not depend on how many there are; MKL's kernels for AVX2 may differ
  // by an ulp.
  if (kernels::has_bf16_products()) {
    CHECK(test::read_file(temp / "mug.glb") == test::read_file(temp / "all/000003_mug.glb"));
  } else {
    REQUIRE(alone.vertices.size() == among.vertices.size());
    float largest = 0.0F;
    for (std::size_t i = 0; i < alone.vertices.size(); ++i) {
      const auto apart = alone.vertices[i] - among.vertices[i];
      largest = std::max({largest, std::abs(apart.x), std::abs(apart.y), std::abs(apart.z)});
    }
    CHECK(largest < 1e-3F);
  }
}

TEST_CASE("a model's own options of generation are in force, over those of its folder") {
  const TempDir temp;
  auto task = generation(temp / "out");
  task.dry_run = true;
  auto settings = sample_shapes(task)["plan"]["settings"];
  CHECK(settings["steps"] == 6);
  CHECK(settings["denoising_solver"] == "dpmpp_2m");
  CHECK(settings["clip"] == 0.0);
  task.sampling["clip"] = 2.0;
  CHECK(sample_shapes(task)["plan"]["settings"]["clip"] == 2.0);
  task.sampling["top_k"] = 5;
  CHECK_THROWS_WITH(sample_shapes(task),
                    ContainsSubstring("--top-k: means nothing to a mar3d (it has --cfg, --cfg-schedule"));
  task.sampling.erase("top_k");
  task.sampling["cfg_schedule"] = "cosine";
  CHECK_THROWS_AS(sample_shapes(task), UsageError);
}

TEST_CASE("the folder of an older run, which calls the steps num_iter, is read as it was") {
  const TempDir temp;
  fs::copy(test::source_dir() / "data/shapes", temp / "old", fs::copy_options::recursive);
  auto config = Json::parse(test::read_file(temp / "old/config.json"));
  config["sampling"].erase("steps");
  config["sampling"]["num_iter"] = 7;
  temp.write("old/config.json", config.dump());
  auto task = generation(temp / "out");
  task.model = temp / "old";
  task.sampling = Json::object();
  task.dry_run = true;
  CHECK(sample_shapes(task)["plan"]["settings"]["steps"] == 7);
}

TEST_CASE("an independent reader finds the meshes closed") {
  const auto python = test::python_with("trimesh");
  if (python.empty()) {
    WARN("skipped: no Python with trimesh (pip install trimesh, or set ARZOO_TEST_PYTHON)");
    return;
  }
  const TempDir temp;
  const auto script =
      temp.write("check.py",
                 "import sys, trimesh\n"
                 "for path in sys.argv[1:]:\n"
                 "    mesh = trimesh.load(path, force='mesh')\n"
                 "    assert mesh.is_watertight and mesh.volume > 0 and len(mesh.faces) > 100, path\n");
  std::string command = python + " " + script.string();
  for (const auto extension : io::kMeshExtensions) {
    auto task = generation(temp / std::string(extension));
    task.format = extension;
    for (const auto& mesh : sample_shapes(task)["meshes"]) command += " " + mesh["file"].get<std::string>();
  }
  CHECK(std::system(command.c_str()) == 0);
}

TEST_CASE("an outline and a part of a surface change the shapes") {
  const TempDir temp;
  const auto plain = sample_shapes(generation(temp / "plain"));
  auto task = generation(temp / "outline");
  io::View view;
  io::write_png(temp / "side.png", io::render(shape3d::make_solid("chair", 9, 1).surface(48), view));
  task.image = temp / "side.png";
  const auto followed = sample_shapes(task);
  CHECK(followed["meshes"][0]["volume"] != plain["meshes"][0]["volume"]);

  io::Mesh half;
  const auto whole = shape3d::make_solid("mug", 9, 1).surface(48);
  half.vertices = whole.vertices;
  for (const auto& triangle : whole.triangles) {
    if (whole.corner(triangle, 0).y < 0.0F) half.triangles.push_back(triangle);
  }
  io::write_mesh(temp / "half.ply", half);
  task = generation(temp / "part");
  task.points = temp / "half.ply";
  CHECK(sample_shapes(task)["meshes"][0]["volume"] != plain["meshes"][0]["volume"]);

  for (auto& vertex : half.vertices) vertex = vertex * 10.0F;
  io::write_mesh(temp / "large.ply", half);
  task.points = temp / "large.ply";
  CHECK_THROWS_WITH(sample_shapes(task), ContainsSubstring("large.ply: a vertex at"));
}

TEST_CASE("several shapes do not go into one file, and a shape VAE alone generates nothing") {
  const TempDir temp;
  auto task = generation(temp / "a.glb");
  CHECK_THROWS_WITH(sample_shapes(task),
                    ContainsSubstring("--count: ") && ContainsSubstring("do not go into the one file"));
  task.dry_run = true;
  task.output = temp / "shapes";
  task.classes = {"mug"};
  task.count = plan::kMostShapes;
  CHECK(sample_shapes(task)["plan"]["shapes"] == plan::kMostShapes);
  task.classes = {"all"};
  CHECK_THROWS_WITH(sample_shapes(task),
                    ContainsSubstring("expected at most 100000 shapes in one run (continue with --first)"));
  task.classes = {"tabel"};
  CHECK_THROWS_WITH(sample_shapes(task), ContainsSubstring("did you mean \"table\"?"));
  task.model = test::source_dir() / "data/shapes/vae";
  CHECK_THROWS_WITH(
      sample_shapes(task),
      ContainsSubstring("a model \"shape_vae\", expected one that generates shapes: mar3d, argus3d, g3pt"));
}
