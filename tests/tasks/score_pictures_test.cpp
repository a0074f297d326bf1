// A pixel model from training to pictures, completions and likelihoods.

#include "image/axial_generator.h"
#include "io/picture_file.h"
#include "registry/registry.h"
#include "support/pictures.h"
#include "support/tasks.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

const std::vector<std::string> kGrey = {"model.img_channels=1", "model.num_exterior_layers=0",
                                        "model.class_num=0"};

Json score(const fs::path& model, const std::vector<fs::path>& inputs, int64_t batch_size = 8) {
  plan::ScoreTask task;
  task.compute.device = "cpu";
  task.model = model;
  task.inputs = inputs;
  task.batch_size = batch_size;
  SilentProgress progress;
  return tasks::run_family_command(task, progress, test::kNeverStop);
}

runtime::ImageSource source_of(const fs::path& model) {
  runtime::ImageSource source;
  source.model = model;
  return source;
}

}  // namespace

TEST_CASE("a trained pixel model finds its test pictures as likely as score does, whatever the batch") {
  const TempDir temp;
  const auto result = test::train(test::committed_task("image/axial_tiny", temp / "run", kGrey));
  // As 8-bit files: the model's own size, so that nothing is resized.
  const auto idx = test::write_idx(temp, "eight", 5, 8);
  const auto many = score(temp / "run", {idx})["files"][0];
  CHECK(many["pictures"] == 5);
  CHECK(many["dimensions"] == 64);
  double sum = 0.0;
  std::vector<fs::path> files;
  for (int i = 0; i < 5; ++i) {
    files.push_back(temp / fmt::format("pictures/{}.png", i));
    fs::create_directories(files.back().parent_path());
    io::write_png(files.back(), {.width = 8, .height = 8, .channels = 1, .pixels = test::idx_picture(i, 8)});
  }
  const auto apart = score(temp / "run", {temp / "pictures"}, 1)["files"];
  REQUIRE(apart.size() == 5);
  for (const auto& file : apart) sum += file["bits_per_dim"].get<double>();
  CHECK(many["bits_per_dim"].get<double>() == Approx(sum / 5).epsilon(1e-5));
  // Eight levels: a model that knows nothing says three bits.
  CHECK(result["test"]["bits_per_dim"].get<double>() < 3.0);
}

TEST_CASE("pictures that a pixel model has no likelihood of are refused, with what it expects") {
  const TempDir temp;
  auto task = test::committed_task("image/axial_tiny", temp / "run", kGrey);
  task.init_only = true;
  test::train(task);
  test::write_picture(temp / "wide.png", 9, 8, 1);
  test::write_picture(temp / "colour.png", 8, 8, 3);
  fs::create_directories(temp / "none");
  CHECK_THROWS_WITH(score(temp / "run", {temp / "wide.png"}),
                    ContainsSubstring("9 x 8 pixels, expected 8 x 8"));
  CHECK_THROWS_WITH(score(temp / "run", {temp / "colour.png"}), ContainsSubstring("expected a grey one"));
  CHECK_THROWS_WITH(score(temp / "run", {temp / "none"}), ContainsSubstring("no PNG or JPEG file"));
  CHECK_THROWS_WITH(score(test::source_dir() / "data/fashion", {temp / "wide.png"}),
                    ContainsSubstring("no likelihood of pixels"));
  plan::ScoreTask windows;
  windows.compute.device = "cpu";
  windows.model = temp / "run";
  windows.inputs = {temp / "wide.png"};
  windows.stride = 4;
  SilentProgress progress;
  CHECK_THROWS_WITH(tasks::run_family_command(windows, progress, test::kNeverStop),
                    ContainsSubstring("--stride"));
  CHECK_THROWS_WITH(
      test::train(test::committed_task("image/axial_tiny", temp / "other", {"model.img_height=16"})),
      ContainsSubstring("img_width"));
}

TEST_CASE("a trained pixel model generates pictures of its levels and completes the lower half of one") {
  const TempDir temp;
  test::train(test::committed_task("image/axial_tiny", temp / "run"));
  const auto generator = registry::open_image_generator(source_of(temp / "run"), {}, {});
  CHECK(generator->classes() == 10);
  CHECK(generator->class_names().at(7) == "sneaker");
  const runtime::ImageBatch batch{at::tensor({int64_t{7}, int64_t{10}}), {1, 2}};
  int64_t steps = 0;
  const auto pictures = generator->sample(batch, [&](int64_t, const auto& so_far) {
    ++steps;
    CHECK(so_far().sizes() == at::IntArrayRef({2, 3, 8, 8}));
  });
  CHECK(steps == generator->steps());
  REQUIRE(pictures.sizes() == at::IntArrayRef({2, 3, 8, 8}));
  // A picture depends on its class and seed alone.
  const auto alone = generator->sample({at::tensor({int64_t{10}}), {2}}, [](int64_t, const auto&) {});
  CHECK(at::equal(alone[0], pictures[1]));
  const auto given = pictures.narrow(0, 0, 1) * 2.0 - 1.0;
  auto paint = at::zeros({8, 8}, at::kBool);
  paint.narrow(0, 4, 4).fill_(true);
  generator->edit(given, paint);
  const auto completed = generator->sample({at::tensor({int64_t{10}}), {5}}, [](int64_t, const auto&) {});
  CHECK(at::allclose(completed[0].narrow(1, 0, 4), pictures[0].narrow(1, 0, 4)));
  CHECK_FALSE(at::equal(completed[0].narrow(1, 4, 4), pictures[0].narrow(1, 4, 4)));
}

TEST_CASE("a pixel model without classes generates of none, and refuses a class by name") {
  const TempDir temp;
  auto task = test::committed_task("image/axial_tiny", temp / "run", kGrey);
  task.init_only = true;
  test::train(task);
  plan::GenerateImageTask generate;
  generate.compute.device = "cpu";
  generate.source = source_of(temp / "run");
  generate.output = temp / "out";
  generate.count = 2;
  SilentProgress progress;
  CHECK(tasks::generate_image(generate, progress, test::kNeverStop)["pictures"] == 2);
  generate.classes = {"sneaker"};
  CHECK_THROWS_WITH(tasks::generate_image(generate, progress, test::kNeverStop),
                    ContainsSubstring("the model has no classes"));
  generate.classes = {};
  generate.source.vae = temp / "run";
  CHECK_THROWS_WITH(tasks::generate_image(generate, progress, test::kNeverStop), ContainsSubstring("--vae"));
}
