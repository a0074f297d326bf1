// Image models trained on pictures, from the files to folders that generate, and tables that measure them.

#include "image/model_folder.h"
#include "image/picture_features.h"
#include "io/png_file.h"
#include "registry/registry.h"
#include "runtime/named_tensors.h"
#include "support/pictures.h"
#include "support/resumed_runs.h"

using namespace arzoo;
using test::TempDir;
using test::train;
namespace fs = std::filesystem;

namespace {

plan::TrainTask picture_task(const std::string& name, const fs::path& out,
                             const std::vector<std::string>& set = {}) {
  return test::committed_task("image/" + name, out, set);
}

Json table(const TempDir& temp, const Json& cells) {
  plan::TableTask task{.compute = {},
                       .suite = Config(Json{{"cells", cells}}, "suite.json"),
                       .folder = temp.path(),
                       .out = temp / "table",
                       .only = {},
                       .dry_run = false};
  task.compute.device = "cpu";
  SilentProgress progress;
  return tasks::table(task, progress, test::kNeverStop);
}

/// A .npy file of a matrix of doubles.
std::string npy(int64_t rows, int64_t columns, double shift) {
  const auto header =
      fmt::format("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}, {}), }}\n", rows, columns);
  std::string bytes = std::string("\x93NUMPY\1") + '\0' + static_cast<char>(header.size()) + '\0' + header;
  for (int64_t i = 0; i < rows * columns; ++i) {
    const double value = std::sin(static_cast<double>(i * i)) + shift;
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  return bytes;
}

}  // namespace

TEST_CASE("an image model's run, interrupted at any step and resumed, is the run that was not") {
  const auto* name = GENERATE("vqvae_tiny", "var_tiny", "kl_vae_tiny", "mar_tiny", "flowar_tiny",
                              "axial_tiny", "feature_net_tiny");
  INFO(name);
  const TempDir temp;
  train(picture_task(name, temp / "whole"));
  test::train_interrupted(picture_task(name, temp / "run"), 4);
  test::check_same_run(temp / "run", temp / "whole");
  CHECK_THAT(test::read_file(temp / "run/report.html"), ContainsSubstring("data:image/png;base64,"));
}

TEST_CASE("mixed precision trains image models and leaves their weights in fp32") {
  const auto* name = GENERATE("vqvae_tiny", "var_tiny", "kl_vae_tiny", "mar_tiny", "flowar_tiny",
                              "axial_tiny", "feature_net_tiny");
  INFO(name);
  const TempDir temp;
  auto task = picture_task(name, temp / "run", {"training.epochs=1"});
  task.compute.dtype = "bf16";
  train(task);
  for (const auto& [key, tensor] : runtime::open_tensors(temp / "run/model"))
    CHECK(tensor.scalar_type() != at::kBFloat16);
}

TEST_CASE("a trained var generates pictures without anything else") {
  const TempDir temp;
  const auto result = train(picture_task("var_tiny", temp / "run"));
  for (const char* metric : {"Lm", "Lt", "Accm", "Acct"}) CHECK(result["test"].contains(metric));
  CHECK_THAT(test::read_file(temp / "run/metrics.jsonl"), ContainsSubstring("\"Acct\""));
  runtime::ImageSource source;
  source.model = temp / "run";
  const auto generator = registry::open_image_generator(source, {}, {});
  CHECK(generator->class_names().at(7) == "sneaker");
  CHECK(generator->channels() == 1);
  runtime::ImageBatch batch{at::tensor({int64_t{7}, int64_t{8}}), {1, 2}};
  int64_t steps = 0;
  const auto pictures = generator->sample(batch, [&](int64_t, const auto&) { ++steps; });
  CHECK(steps == 4);
  CHECK(pictures.sizes() == at::IntArrayRef({2, 3, 28, 28}));
}

TEST_CASE("a supernet is trained and evaluated with its sub-networks, and generates with them") {
  const TempDir temp;
  const auto result =
      train(picture_task("var_tiny", temp / "run",
                         {"model.supernet.depths=[1]", "model.supernet.bridge_scales=2",
                          "model.supernet.joint_epochs=1", "model.supernet.growing_epochs=1"}));
  const auto& test = result["test"];
  CHECK(test["supernet"].get<double>() ==
        Approx((test["Lm"].get<double>() + test["Lm_d1"].get<double>()) / 2));
  CHECK(test["Lm"] != test["Lm_d1"]);
  Json options = Json::object();
  options["depth_schedule"] = {2, 2, 1};
  runtime::ImageSource source;
  source.model = temp / "run";
  CHECK(registry::open_image_generator(source, options, {})->settings()["depth_schedule"] ==
        Json({2, 2, 1, 1}));
  CHECK_THROWS_AS(picture_task("var_tiny", temp / "run", {"model.supernet.depths=[3]"}), ConfigError);
}

TEST_CASE("a trained model of continuous tokens generates pictures without anything else") {
  const std::string name = GENERATE("mar", "flowar");
  const TempDir temp;
  const auto result = train(picture_task(name + "_tiny", temp / "run"));
  CHECK(result["test"].contains("loss"));
  // The tokenizer's latents are measured: those that are generated vary by about 1.
  const auto folder = image::find_model_folder(temp / "run");
  REQUIRE(folder);
  const double scale = folder->model["vae"]["latent_scale"];
  CHECK(scale > 0.05);
  CHECK(scale < 20.0);
  runtime::ImageSource source;
  source.model = temp / "run";
  const auto generator = registry::open_image_generator(source, {}, {});
  CHECK(generator->class_names().at(7) == "sneaker");
  CHECK(generator->channels() == 1);
  runtime::ImageBatch batch{at::tensor({int64_t{7}, int64_t{8}}), {1, 2}};
  int64_t steps = 0;
  const auto pictures = generator->sample(batch, [&](int64_t, const auto&) { ++steps; });
  CHECK(steps == generator->steps());
  CHECK(pictures.sizes() == at::IntArrayRef({2, 3, 28, 28}));
}

TEST_CASE("an initial model in bf16 keeps its counts and indices, and its tokenizer is of its type") {
  const TempDir temp;
  auto task = picture_task("var_tiny", temp / "run");
  task.compute.dtype = "bf16";
  task.init_only = true;
  train(task);
  const auto weights = runtime::open_tensors(temp / "run/model");
  CHECK(weights.at("lvl_1L").scalar_type() == at::kLong);
  CHECK(weights.at("head.weight").scalar_type() == at::kBFloat16);
  const auto tokenizer = runtime::open_tensors(temp / "run/model/vae");
  CHECK(tokenizer.at("quantize.embedding.weight").scalar_type() == at::kBFloat16);
  runtime::ImageSource source;
  source.model = temp / "run";
  CHECK_NOTHROW(registry::open_image_generator(source, {}, {}));
}

TEST_CASE("a vqvae learns from a folder of pictures of any size, whose names its folder keeps") {
  const TempDir temp;
  for (int i = 0; i < 6; ++i) {
    test::write_picture(temp / fmt::format("pictures/cats/{}.png", i), 30 + i, 20, 3);
    test::write_picture(temp / fmt::format("pictures/dogs/{}.png", i), 20, 40 + i, 1);
  }
  auto task = picture_task("vqvae_tiny", temp / "run", {"data.classes=[]", "training.batch_size=4"});
  task.config["data"]["path"] = (temp / "pictures").string();
  task.config["data"]["test_path"] = "";
  const auto result = train(task);
  CHECK(result["best"]["val"]["psnr"].get<double>() > 0.0);
  CHECK(result["test"].empty());
  const auto folder = image::find_model_folder(temp / "run");
  REQUIRE(folder);
  CHECK(folder->classes == std::vector<std::string>{"cats", "dogs"});
  CHECK(folder->facts.channels == 3);
}

TEST_CASE("a var without its tokenizer, or with another one, is refused at the key") {
  const TempDir temp;
  auto task = picture_task("var_tiny", temp / "run");
  task.config["data"]["tokenizer"] = "";
  CHECK_THROWS_WITH(train(task), ContainsSubstring("/data/tokenizer: a var needs the trained tokenizer"));
  task = picture_task("var_tiny", temp / "run", {"model.vae.quant_resi=0.25"});
  CHECK_THROWS_WITH(train(task), ContainsSubstring("/model/vae/quant_resi: 0.25, but the tokenizer in"));
  task = picture_task("var_tiny", temp / "run", {"model.num_classes=5"});
  CHECK_THROWS_WITH(train(task), ContainsSubstring("/model/num_classes: 5 classes, but a picture"));
  task = picture_task("mar_tiny", temp / "run", {"model.vae.embed_dim=5"});
  CHECK_THROWS_WITH(train(task), ContainsSubstring("/model/vae/embed_dim: 5, but the tokenizer in"));
  task = picture_task("flowar_tiny", temp / "run");
  task.config["data"]["tokenizer"] = (test::source_dir() / "data/fashion/vae").string();
  CHECK_THROWS_WITH(train(task), ContainsSubstring(R"(a model "vqvae", expected "kl_vae")"));
}

TEST_CASE("a table measures the cost of generation, of trained and of random models and parts of them") {
  const TempDir temp;
  const auto few = (test::source_dir() / "data/fashion/pictures/few-images-idx3-ubyte.gz").string();
  const auto pair = test::source_dir() / "data/fashion";
  const auto config = (test::source_dir() / "configs/image/var_tiny.json").string();
  const Json trained{{"name", "trained"},
                     {"model", pair.string()},
                     {"refiner", pair.string()},
                     {"draft_steps", 2},
                     {"pictures", few},
                     {"features", (pair / "features").string()},
                     {"metric_name", "Fashion-FID"},
                     {"count", 8}};
  const Json whole{{"name", "whole"}, {"random", {config}}, {"count", 4}, {"batch_size", 2}};
  auto part = whole, shared = whole;
  part.update({{"name", "part"}, {"depth_schedule", {2, 2, 1}}, {"beside", "whole"}});
  shared.update({{"name", "shared"}, {"random", {config, config}}, {"draft_steps", 3}});
  const auto result = table(temp, {trained, whole, part, shared});
  const auto read = [&](const std::string& cell) {
    return Json::parse(test::read_file(temp / "table" / cell / "fp32/result.json"))["test"];
  };
  for (const auto* name : {"trained", "whole", "part", "shared"}) {
    CHECK(read(name)["seconds_per_picture"].get<double>() > 0.0);
    CHECK(read(name)["peak_mib"].get<double>() > 0.0);
  }
  CHECK(read("trained").contains("Fashion-FID"));
  CHECK_FALSE(read("whole").contains("FID"));
  // Two blocks see 1 + 4 + 16 + 49 tokens, or one of them only the coarse ones.
  CHECK(read("part")["cache_mib"].get<double>() ==
        Approx(read("whole")["cache_mib"].get<double>() * (70 + 5) / 140));
  bool told = false;
  for (const auto& row : result["rows"])
    told = told ||
           (row["cell"] == "part" && row["metric"] == "cache_saved" && row["measured"] == Approx(65.0 / 140));
  CHECK(told);
  CHECK(read("shared")["parameters_m"].get<double>() > read("whole")["parameters_m"].get<double>());
  CHECK_THROWS_AS(table(temp, {Json{{"name", "both"}, {"random", {config}}, {"model", pair.string()}}}),
                  ConfigError);
}

TEST_CASE("a table measures generated pictures, reconstructions and files of features") {
  const TempDir temp;
  const auto few = (test::source_dir() / "data/fashion/pictures/few-images-idx3-ubyte.gz").string();
  const auto pair = test::source_dir() / "data/fashion";
  const Json common{{"pictures", few},
                    {"features", (pair / "features").string()},
                    {"metric_name", "Fashion-FID"},
                    {"count", 20}};
  auto sampled = common, again = common;
  sampled.update({{"name", "generated"}, {"model", pair.string()}});
  again.update({{"name", "again"}, {"model", (pair / "vae").string()}});
  const Json files{{"name", "files"},
                   {"samples", temp.write("samples.npy", npy(20, 3, 0.0)).string()},
                   {"reference", temp.write("reference.npy", npy(30, 3, 0.5)).string()}};
  const auto result = table(temp, {sampled, again, files});
  const auto read = [&](const std::string& cell) {
    return Json::parse(test::read_file(temp / "table" / cell / "fp32/result.json"))["test"];
  };
  CHECK(read("generated")["Fashion-FID"].get<double>() > read("again")["Fashion-FID"].get<double>());
  CHECK(read("generated")["IS"].get<double>() > 1.0);
  CHECK(read("again")["psnr"].get<double>() > 15.0);
  // Two of each class, as real and as asked for: better than the guess of one in ten by far.
  CHECK(read("generated")["class_fidelity"].get<double>() > 0.5);
  CHECK(read("again")["class_fidelity"].get<double>() > 0.5);
  CHECK(read("again")["real_class_fidelity"] == read("generated")["real_class_fidelity"]);
  CHECK_FALSE(read("files").contains("class_fidelity"));
  // The features differ by the shift of their means, and by the covariance of their first 20 and 30 rows.
  CHECK(read("files")["FID"].get<double>() > 3 * 0.2);
  CHECK(read("files")["precision"].get<double>() <= 1.0);
  CHECK_FALSE(read("files").contains("IS"));
}
