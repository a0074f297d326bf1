// generate-image with models that draw continuous tokens.

#include "support/generators.h"
#include "support/tiny_latents.h"

using namespace arzoo;
using test::changes_of;
using test::generate;
using test::parameters;
using test::pixels;
using test::TempDir;
using test::write_model_folder;
namespace fs = std::filesystem;

namespace {

constexpr int64_t kLatentSide = 10;  // pixels of the tiny models' pictures

/// A model folder with a tokenizer in it, as training leaves them.
struct LatentFolder {
  explicit LatentFolder(const std::string& name) {
    // As folders of earlier versions say it: all options of all models.
    const Json sampling{{"cfg", 2.0},           {"top_k", 900},     {"steps", 4},
                        {"denoising_steps", 5}, {"pivot_steps", 3}, {"pivot_denoising_steps", 5}};
    const std::vector<std::string> classes{"boot", "T-shirt/top", "bag", "coat", "dress"};
    const auto vae = test::tiny_model<image::KlVae>(test::tiny_kl_vae_options());
    write_model_folder(path() / "vae", to_json(vae->options()), "kl_vae", *vae, {});
    if (name == "mar") {
      auto options = test::tiny_mar_options();
      options.vae.latent_scale = 0.5;
      const auto model = test::tiny_model<image::Mar>(options);
      write_model_folder(path(), to_json(model->options()), name, *model, sampling, classes);
    } else if (name == "himar") {
      const auto model = test::tiny_model<image::HiMar>(test::tiny_himar_options());
      write_model_folder(path(), to_json(model->options()), name, *model, sampling, classes);
    } else if (name == "mmar") {
      const auto model = test::tiny_model<image::Mmar>(test::tiny_mmar_options());
      write_model_folder(path(), to_json(model->options()), name, *model, sampling, {"boot", "bag"});
    } else {
      const auto model = test::tiny_model<image::FlowAr>(test::tiny_flowar_options());
      write_model_folder(path(), to_json(model->options()), name, *model, sampling, classes);
    }
  }
  fs::path path() const { return temp / "model"; }

  plan::GenerateImageTask task(const std::string& output) const {
    plan::GenerateImageTask task{.source = {.model = path()}, .output = temp / output};
    task.compute.seed = 7;
    return task;
  }

  TempDir temp;
};

/// The largest difference of two pictures' pixels. Rounding may move one by a step.
int64_t distance(const fs::path& a, const fs::path& b) {
  const auto x = pixels(a), y = pixels(b);
  REQUIRE(x.size() == y.size());
  int64_t most = 0;
  for (std::size_t i = 0; i < x.size(); ++i) most = std::max<int64_t>(most, std::abs(int{x[i]} - int{y[i]}));
  return most;
}

}  // namespace

TEST_CASE("pictures of continuous tokens depend on seed and class, not on batch, threads or each other") {
  const LatentFolder folder(GENERATE("mar", "himar", "flowar"));
  auto task = folder.task("together");
  task.classes = {"all"};
  task.count = 2;
  CHECK(generate(task)["pictures"] == 10);
  auto apart = task;
  apart.output = folder.temp / "apart";
  apart.batch_size = 1;
  apart.compute.threads = 1;
  generate(apart);
  for (const auto& entry : fs::directory_iterator(task.output)) {
    if (entry.path().extension() == ".png")
      CHECK(distance(entry.path(), apart.output / entry.path().filename()) <= 1);
  }
  auto alone = task;
  alone.output = folder.temp / "alone.png";
  alone.classes = {"coat"};
  alone.first = 7;
  alone.count = 1;
  generate(alone);
  CHECK(distance(alone.output, task.output / "000007_coat.png") <= 1);
  CHECK(pixels(task.output / "000006_coat.png") != pixels(task.output / "000007_coat.png"));
}

TEST_CASE("a picture of continuous tokens says how it was drawn") {
  const auto* name = GENERATE("mar", "himar", "flowar");
  const LatentFolder folder(name);
  auto task = folder.task("one.png");
  task.classes = {"dress"};
  task.sampling["temperature"] = std::vector{0.9};
  generate(task);
  const auto said = parameters(task.output);
  CHECK(said["model"] == name);
  CHECK(said["class"] == "dress");
  CHECK(said["cfg"] == 2.0);  // the folder's
  CHECK(said["steps"] == 4);
  CHECK(said["temperature"] == 0.9);
  CHECK(said.contains("denoising_steps") == (said["model"] != "flowar"));
  CHECK(said.contains("solver") == (said["model"] == "flowar"));
  CHECK(said.value("denoising_solver", "") == (said["model"] == "flowar" ? "" : "ddpm"));
}

TEST_CASE("the steps of a picture end in the picture, in bf16 and in 8 bits as well") {
  const auto* name = GENERATE("mar", "himar", "flowar");
  const auto* precision = GENERATE("fp32", "bf16", "int8");
  INFO(name << " " << precision);
  const LatentFolder folder(name);
  auto task = folder.task("steps");
  task.save_scales = true;
  task.classes = {"none"};
  if (std::string(precision) == "bf16") task.compute.dtype = "bf16";
  if (std::string(precision) == "int8") task.compute.quantize = "int8";
  generate(task);
  const int steps = name == std::string("mar") ? 4 : name == std::string("himar") ? 3 + 4 : 3;
  const auto last = fmt::format("000000_none_scale{:02}.png", steps);
  CHECK(pixels(task.output / last) == pixels(task.output / "000000_none.png"));
  CHECK(pixels(task.output / "000000_none_scale01.png") != pixels(task.output / "000000_none.png"));
}

TEST_CASE("pivots are shown as a small picture beside the picture, where there are pivots") {
  const LatentFolder folder("himar");
  auto task = folder.task("out");
  task.classes = {"bag"};
  task.show_pivots = true;
  generate(task);
  CHECK(pixels(task.output / "000000_bag_pivots.png").size() == 6 * 6);
  CHECK(pixels(task.output / "000000_bag.png").size() == kLatentSide * kLatentSide);
  CHECK(fs::exists(task.output / "000000_bag.png"));
  auto plain = folder.task("plain");
  plain.classes = {"bag"};
  generate(plain);
  CHECK(pixels(plain.output / "000000_bag.png") == pixels(task.output / "000000_bag.png"));
  CHECK_FALSE(fs::exists(plain.output / "000000_bag_pivots.png"));
  const LatentFolder mar("mar");
  auto refused = mar.task("out");
  refused.show_pivots = true;
  CHECK_THROWS_WITH(generate(refused), ContainsSubstring("--show-pivots: mar makes none"));
}

TEST_CASE("a mar and a himar edit: every pixel outside the boxes stays, those inside are drawn") {
  const LatentFolder folder(GENERATE("mar", "himar"));
  const auto picture = test::striped_picture(kLatentSide);
  const runtime::PixelBox box{.x = 4, .y = 2, .width = 5, .height = 6};
  io::write_png(folder.temp / "given.png", picture);
  auto task = folder.task("edited.png");
  task.edit = folder.temp / "given.png";
  task.paint = {box};
  generate(task);
  const auto changes = changes_of(picture, task.output, box);
  CHECK(changes.outside == 0);
  CHECK(changes.inside > 10);
}

TEST_CASE("an mmar generates what is said in words, whatever else is said beside it") {
  const LatentFolder folder("mmar");
  auto task = folder.task("together");
  task.source.texts = {"a dark wide bag", "a boot", ""};
  task.classes = {"all"};
  CHECK(generate(task)["pictures"] == 3);
  CHECK(fs::exists(task.output / "000000_a-dark-wide-bag.png"));
  auto alone = folder.task("alone.png");
  alone.source.texts = {"a boot"};
  alone.classes = {"all"};
  alone.first = 1;
  generate(alone);
  CHECK(distance(alone.output, task.output / "000001_a-boot.png") <= 1);
  CHECK(parameters(alone.output)["class"] == "a boot");
  // Without words, every caption of its grammar.
  auto all = folder.task("all");
  all.classes = {"all"};
  CHECK(generate(all)["pictures"] == 8);
  auto refused = folder.task("out");
  refused.source.texts = {"a red boot"};
  CHECK_THROWS_WITH(generate(refused), ContainsSubstring("\"red\" is no word of the model"));
  const LatentFolder mar("mar");
  refused = mar.task("out");
  refused.source.texts = {"a boot"};
  CHECK_THROWS_WITH(generate(refused), ContainsSubstring("--text: a mar knows no words"));
}

TEST_CASE("options that mean nothing to a model are refused, whatever they are") {
  const auto refuses = [](const plan::GenerateImageTask& task, const std::string& message) {
    CHECK_THROWS_WITH(generate(task), ContainsSubstring(message));
  };
  const LatentFolder mar("mar"), flowar("flowar");
  auto task = mar.task("out");
  task.sampling["top_k"] = std::vector{5};
  refuses(task, "--top-k: means nothing to a mar");
  task = mar.task("out");
  task.sampling["solver"] = "heun";
  refuses(task, "--solver: means nothing to a mar");
  task = flowar.task("out");
  task.sampling["denoising_steps"] = 5;
  refuses(task, "--denoising-steps: means nothing to a flowar");
  task = flowar.task("out");
  task.sampling["steps"] = 1;
  refuses(task, "--steps: /steps: expected an integer");
  task = flowar.task("out");
  task.sampling["temperature"] = std::vector{0.9, 0.8};
  refuses(task, "--temperature: /temperature: expected a number");
  io::write_png(flowar.temp / "given.png",
                io::Picture{.width = 1, .height = 1, .channels = 1, .pixels = {1}});
  task = flowar.task("out");
  task.edit = flowar.temp / "given.png";
  task.paint = {{.x = 0, .y = 0, .width = 1, .height = 1}};
  refuses(task, "--edit: a flowar generates all tokens of a scale at once");
  task = mar.task("out");
  task.source.model = mar.path() / "vae";
  refuses(task, R"(a model "kl_vae")");
  fs::remove_all(mar.path() / "vae");
  refuses(mar.task("out"), "--vae: needed");
}
