#include <fstream>
#include <set>

#include "core/text_file.h"
#include "io/picture_file.h"
#include "support/generators.h"
#include "support/tiny_var.h"

using namespace arzoo;
using test::changes_of;
using test::generate;
using test::parameters;
using test::pixels;
using test::TempDir;
using test::write_model_folder;
namespace fs = std::filesystem;

namespace {

constexpr int64_t kSide = 10;  // pixels of the tiny model's pictures

/// A model folder with a tokenizer in it, as training leaves them.
struct TinyFolder {
  TinyFolder() {
    write_model_folder(path(), to_json(tiny.model.options()), "var", tiny.model,
                       {{"cfg", 2.0}, {"top_k", 12}}, {"boot", "T-shirt/top", "bag", "coat", "dress"});
    write_model_folder(path() / "vae", to_json(tiny.vae.options()), "vqvae", tiny.vae, {});
  }
  fs::path path() const { return temp / "model"; }

  plan::GenerateImageTask task(const std::string& output) const {
    plan::GenerateImageTask task{.source = {.model = path()}, .output = temp / output};
    task.compute.seed = 7;
    return task;
  }

  TempDir temp;
  test::TinyVar tiny;
};

}  // namespace

TEST_CASE("a folder gets a picture per class and number, and all of them in a grid") {
  const TinyFolder folder;
  auto task = folder.task("out");
  task.classes = {"2", "T-shirt/top"};
  task.count = 3;
  const auto result = generate(task);
  CHECK(result["pictures"] == 6);
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(task.output)) names.insert(entry.path().filename());
  names.erase(".arzoo-files");
  CHECK(names == std::set<std::string>{"000000_bag.png", "000001_bag.png", "000002_bag.png",
                                       "000003_T-shirt-top.png", "000004_T-shirt-top.png",
                                       "000005_T-shirt-top.png", "grid.png"});
  const auto grid = io::read_png(task.output / "grid.png");
  CHECK(grid.width == 3 * kSide + 2 * 2);
  CHECK(grid.height == 2 * kSide + 2);
  CHECK(grid.channels == 1);  // as the folder says
}

TEST_CASE("a picture depends on its seed and class, not on batch, threads or the other pictures") {
  const TinyFolder folder;
  auto task = folder.task("together");
  task.classes = {"all"};
  task.count = 2;
  generate(task);
  auto apart = task;
  apart.output = folder.temp / "apart";
  apart.batch_size = 1;
  apart.compute.threads = 1;
  generate(apart);
  auto alone = task;
  alone.output = folder.temp / "alone.png";
  alone.classes = {"coat"};
  alone.first = 7;
  alone.count = 1;
  generate(alone);
  auto other = alone;
  other.output = folder.temp / "other.png";
  other.compute.seed = 8;
  generate(other);
  for (const auto& entry : fs::directory_iterator(task.output)) {
    if (entry.path().extension() != ".png") continue;
    INFO(entry.path());
    CHECK(pixels(entry.path()) == pixels(apart.output / entry.path().filename()));
  }
  CHECK(pixels(alone.output) == pixels(task.output / "000007_coat.png"));
  CHECK(pixels(alone.output) != pixels(other.output));
}

TEST_CASE("the shards of a run are its pictures, to the byte") {
  const TinyFolder folder;
  auto task = folder.task("whole");
  task.classes = {"all"};
  task.count = 2;
  task.batch_size = 3;
  generate(task);
  auto part = task;
  part.output = folder.temp / "parts";
  int64_t pictures = 0;
  for (int64_t index = 0; index < 3; ++index) {
    part.share = {index, 3};
    pictures += generate(part)["pictures"].get<int64_t>();
  }
  CHECK(pictures == 10);
  int files = 0;
  for (const auto& entry : fs::directory_iterator(task.output)) {
    const auto name = entry.path().filename();
    if (name == "grid.png" || name == ".arzoo-files") continue;
    ++files;
    const bool equal = test::read_file(entry.path()) == test::read_file(part.output / name);
    CHECK(equal);
  }
  CHECK(files == 10);
  CHECK_FALSE(fs::exists(part.output / "grid.png"));
}

TEST_CASE("a picture says how it was drawn") {
  const TinyFolder folder;
  auto task = folder.task("one.png");
  task.classes = {"dress"};
  task.sampling["temperature"] = std::vector{1.0, 0.5};
  task.sampling["depth_schedule"] = std::vector{4, 2};
  generate(task);
  const auto said = parameters(task.output);
  CHECK(said["model"] == "var");
  CHECK(said["class"] == "dress");
  CHECK(said["seed"] == 7);
  CHECK(said["picture"] == 0);
  CHECK(said["cfg"] == 2.0);  // the folder's
  CHECK(said["top_k"] == 12);
  CHECK(said["temperature"] == Json({1.0, 0.5}));
  CHECK(said["depth_schedule"] == Json({4, 2, 2, 2}));
}

TEST_CASE("the scales of a picture end in the picture") {
  const TinyFolder folder;
  auto task = folder.task("scales");
  task.save_scales = true;
  task.classes = {"none"};
  generate(task);
  CHECK(pixels(task.output / "000000_none_scale04.png") == pixels(task.output / "000000_none.png"));
  CHECK(pixels(task.output / "000000_none_scale01.png") != pixels(task.output / "000000_none.png"));
  CHECK_FALSE(fs::exists(task.output / "grid.png"));
}

TEST_CASE("editing leaves every pixel outside the boxes as it was") {
  const TinyFolder folder;
  const auto picture = test::striped_picture(kSide);
  const runtime::PixelBox box{.x = 4, .y = 2, .width = 5, .height = 6};
  io::write_png(folder.temp / "given.png", picture);
  auto task = folder.task("edited.png");
  task.edit = folder.temp / "given.png";
  task.paint = {box};
  generate(task);
  auto kept = task;
  kept.output = folder.temp / "kept.png";
  kept.keep = std::exchange(kept.paint, {});
  generate(kept);
  const auto painted = changes_of(picture, task.output, box),
             outpainted = changes_of(picture, kept.output, box);
  CHECK(painted.outside == 0);
  CHECK(painted.inside > 10);
  CHECK(outpainted.inside == 0);
  CHECK(outpainted.outside > 10);
  CHECK(parameters(task.output)["class"] == "none");
}

TEST_CASE("a picture of another size is edited at its own, every pixel outside the boxes as it was") {
  const TinyFolder folder;
  constexpr int64_t kLarge = 25;
  const bool colour = GENERATE(false, true);
  io::Picture picture{.width = kLarge, .height = kLarge, .channels = colour ? 3 : 1};
  for (int64_t i = 0; i < kLarge * picture.row_bytes(); ++i)
    picture.pixels.push_back(static_cast<uint8_t>(i * 7));
  const runtime::PixelBox box{.x = 3, .y = 4, .width = 6, .height = 9};
  io::write_png(folder.temp / "given.png", picture);
  auto task = folder.task("edited.png");
  task.edit = folder.temp / "given.png";
  task.paint = {box};
  generate(task);
  const auto edited = io::read_png(task.output);
  REQUIRE(std::tuple(edited.width, edited.height, edited.channels) ==
          std::tuple(kLarge, kLarge, picture.channels));
  std::size_t inside = 0, outside = 0;
  for (std::size_t i = 0; i < edited.pixels.size(); ++i) {
    const auto pixel = static_cast<int64_t>(i) / picture.channels, x = pixel % kLarge, y = pixel / kLarge;
    const bool painted = x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
    if (edited.pixels[i] != picture.pixels[i]) ++(painted ? inside : outside);
  }
  CHECK(outside == 0);
  CHECK(inside > 20);
}

TEST_CASE("an edited picture says what was edited and where") {
  const TinyFolder folder;
  io::write_png(folder.temp / "given.png", test::striped_picture(kSide));
  io::write_png(folder.temp / "mask.png", test::striped_picture(kSide));
  auto task = folder.task("edited.png");
  task.edit = folder.temp / "given.png";
  task.paint = {{.x = 4, .y = 2, .width = 5, .height = 6}, {.x = 0, .y = 1, .width = 2, .height = 3}};
  generate(task);
  auto said = parameters(task.output);
  CHECK(said["edit"] == task.edit->string());
  CHECK(said["paint"] == Json::parse("[[4, 2, 5, 6], [0, 1, 2, 3]]"));
  CHECK_FALSE(said.contains("mask"));
  task.keep = std::exchange(task.paint, {});
  generate(task);
  CHECK(parameters(task.output)["keep"].size() == 2);
  task.keep.clear();
  task.mask = folder.temp / "mask.png";
  generate(task);
  said = parameters(task.output);
  CHECK(said["mask"] == task.mask->string());
  CHECK_FALSE(said.contains("keep"));
}

TEST_CASE("a picture and a grid are written as the name ends, and say how they were made") {
  const TinyFolder folder;
  auto task = folder.task(GENERATE("x.jpg", "X.PNG", "x.JPEG"));
  const bool jpeg = task.output.extension() != ".PNG";
  task.classes = {"dress"};
  generate(task);
  REQUIRE(fs::is_regular_file(task.output));
  SilentProgress progress;
  CHECK(tasks::inspect({task.output}, progress, test::kNeverStop)["format"] == (jpeg ? "JPEG" : "PNG"));
  CHECK(parameters(task.output)["class"] == "dress");
  task.count = 4;
  generate(task);
  const auto grid = io::read_picture(task.output);
  CHECK(std::pair(grid.width, grid.height) == std::pair(2 * kSide + 2, 2 * kSide + 2));
  CHECK(parameters(task.output)["classes"].size() == 4);
}

TEST_CASE("a rerun leaves no picture of the run before, and all that the user put there") {
  const TinyFolder folder;
  auto task = folder.task("out");
  task.classes = {"bag"};
  task.count = 4;
  generate(task);
  folder.temp.write("out/000009_mine.png", "not a run's");
  task.count = 2;
  generate(task);
  const auto names = [&] {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(task.output)) found.insert(entry.path().filename());
    found.erase(".arzoo-files");
    return found;
  };
  using Names = std::set<std::string>;
  CHECK(names() == Names{"000000_bag.png", "000001_bag.png", "000009_mine.png", "grid.png"});
  // With --first the run adds to the folder; the picture of its number is replaced whatever its class was.
  task.first = 1;
  task.count = 1;
  task.classes = {"coat"};
  generate(task);
  CHECK(names() == Names{"000000_bag.png", "000001_coat.png", "000009_mine.png", "grid.png"});
  task.first.reset();
  generate(task);
  CHECK(names() == Names{"000000_coat.png", "000009_mine.png"});
}

TEST_CASE("a plan of any size takes no memory, and what is too much is named") {
  const TinyFolder folder;
  auto task = folder.task("out");
  task.dry_run = true;
  task.count = plan::kMostPictures;
  CHECK(generate(task)["plan"]["pictures"] == plan::kMostPictures);
  const auto refuses = [&](const std::string& message) {
    CHECK_THROWS_WITH(generate(task), ContainsSubstring(message));
  };
  task.classes = {"all"};
  refuses(
      "--count: 1000000 pictures of each of 2 classes or more, expected at most 1000000 pictures in one run");
  task.count = 1;
  task.classes = std::vector<std::string>(300'000, "all");
  refuses("--count: 1 pictures of each of 1000001 classes or more");
  task.classes = {};
  task.count = 401;
  CHECK(generate(task)["plan"]["pictures"] == 401);
  task.output = folder.temp / "out.png";
  refuses(
      "--count: 401 pictures of 10 x 10 pixels do not go into the grid of one file, expected at most 400");
}

TEST_CASE("a JPEG of another size is resized for the model and written at its own size") {
  const TinyFolder folder;
  auto task = folder.task("edited.png");
  task.edit = test::source_dir() / "tests/fixtures/pictures/grey.jpg";
  task.keep = {{.x = 0, .y = 0, .width = 1, .height = 1}};
  RecordingProgress progress;
  tasks::generate_image(task, progress, test::kNeverStop);
  REQUIRE(progress.notes.size() == 1);
  CHECK_THAT(progress.notes.front(),
             ContainsSubstring("at the model's 10 x 10 pixels, written at the picture's 10 x 7"));
  CHECK(io::read_png(task.output).height == 7);
}

TEST_CASE("a drafter and a refiner of the same weights draw what the model draws") {
  const TinyFolder folder;
  auto task = folder.task("one.png");
  task.classes = {"1"};
  generate(task);
  auto shared = task;
  shared.output = folder.temp / "two.png";
  shared.source.refiner = folder.path();
  shared.source.draft_steps = 2;
  generate(shared);
  CHECK(pixels(shared.output) == pixels(task.output));
  CHECK(parameters(shared.output)["draft_steps"] == 2);
}

TEST_CASE("what generate-image cannot do is said") {
  const TinyFolder folder;
  auto task = folder.task("out");
  const auto refuses = [&](const std::string& message) {
    CHECK_THROWS_WITH(generate(task), ContainsSubstring(message));
  };
  SECTION("an unknown class") {
    task.classes = {"boots"};
    refuses(R"(--class: the model knows no class "boots" (did you mean "boot"?))");
  }
  SECTION("too long a list") {
    task.sampling["top_k"] = std::vector{1, 2, 3, 4, 5};
    refuses("--top-k: 5 values, the model has 4 scales");
  }
  SECTION("too many blocks") {
    task.sampling["depth_schedule"] = std::vector{5};
    refuses("--depth-schedule: 5 blocks, the model has 4");
  }
  SECTION("a box outside") {
    io::write_png(folder.temp / "given.png",
                  io::Picture{.width = 2, .height = 1, .channels = 1, .pixels = {1, 2}});
    task.edit = folder.temp / "given.png";
    task.paint = {{.x = 1, .y = 0, .width = 2, .height = 1}};
    refuses("--paint: the box 1,0,2,1 leaves the picture of 2 x 1 pixels");
  }
  SECTION("no tokenizer") {
    fs::remove_all(folder.path() / "vae");
    refuses("--vae: needed");
  }
  SECTION("a tokenizer in the model's place") {
    task.source.model = folder.path() / "vae";
    refuses(R"(a model "vqvae", expected one that generates images)");
  }
  SECTION("half of a collaboration") {
    task.source.drafter = folder.path();
    refuses("--draft-steps is needed");
  }
  CHECK_FALSE(fs::exists(folder.temp / "out" / "grid.png"));
}
