// A model that no file of lib/ names, added as docs/adding_a_model.md tells.

#include "forecast/forecast_model.h"
#include "registry/catalog.h"
#include "support/tasks.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

fs::path folder() { return test::source_dir() / "tests/outside/models"; }

plan::TrainTask dlinear_task(const fs::path& out, const std::vector<std::string>& set = {}) {
  return test::file_task(folder() / "dlinear_temperatures.json", out, set);
}

/// The source files that a page shows, not its shell commands.
std::vector<std::string> blocks_of(const fs::path& page) {
  std::vector<std::string> blocks;
  std::istringstream text(test::read_file(page));
  bool fenced = false, source = false;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("```")) {
      fenced = !fenced;
      source = fenced && line != "```sh";
      if (source) blocks.emplace_back();
    } else if (source) {
      blocks.back() += line + "\n";
    }
  }
  return blocks;
}

}  // namespace

TEST_CASE("a model from outside is known to the catalog, its schema and its messages") {
  const auto choice = registry::find_model(Config("dlinear", "test"));
  CHECK(choice.family.name == "forecast");
  CHECK(registry::commands_of(choice) == std::vector<std::string>{"train", "forecast", "bench"});
  const TempDir temp;
  CHECK(dlinear_task(temp / "run").config["model"]["moving_avg"] == 25);
  CHECK_THROWS_WITH(dlinear_task(temp / "run", {"model.moving_average=25"}),
                    ContainsSubstring("did you mean \"moving_avg\"?"));
  CHECK_THROWS_WITH(dlinear_task(temp / "run", {"model.moving_avg=24"}),
                    ContainsSubstring("moving_avg (24) must be odd"));
  CHECK_THROWS_WITH(dlinear_task(temp / "run", {"model.moving_avg=97"}),
                    ContainsSubstring("moving_avg (97) must not exceed seq_len (96)"));
}

TEST_CASE("a model from outside is trained, saved and forecasts") {
  const TempDir temp;
  const auto result = test::train(dlinear_task(temp / "run"));
  // Better than a forecast that stays at the mean, whose error on scaled values is about 1.
  CHECK(result["test"]["mse"].get<double>() < 0.5);
  const auto series = test::source_dir() / "data/weather/temperatures_2010.csv";
  auto task = test::forecast_task(temp / "run", {series}, temp / "forecast.csv");
  task.missing = "interpolate";
  CHECK(test::forecast(task)["rows"] == 2 * 24);
  CHECK_THAT(test::read_file(temp / "forecast.csv"), ContainsSubstring(",dlinear,"));
  const auto model = forecast::ForecastModel::open(temp / "run", std::nullopt, {});
  CHECK(model.module().named_parameters().contains("Linear_Trend.weight"));
}

TEST_CASE("an image model from outside is trained, saved and generates") {
  const auto choice = registry::find_model(Config("class_gaussian", "test"));
  CHECK(registry::commands_of(choice) == std::vector<std::string>{"train", "generate-image", "bench"});
  const TempDir temp;
  const auto nll = [&](const char* run, const std::vector<std::string>& set) {
    const auto task = test::file_task(folder() / "class_gaussian_fashion.json", temp / run, set);
    return test::train(task)["test"]["nll"].get<double>();
  };
  CHECK(nll("run", {}) < nll("one_step", {"training.max_steps=1"}));
  plan::GenerateImageTask generate;
  generate.compute.device = "cpu";
  generate.source.model = temp / "run";
  generate.classes = {"sneaker"};
  generate.output = temp / "sneaker.png";
  SilentProgress progress;
  CHECK(tasks::generate_image(generate, progress, test::kNeverStop)["pictures"] == 1);
  CHECK(fs::exists(temp / "sneaker.png"));
}

TEST_CASE("the page shows the files as they are") {
  std::string files;
  for (const auto* name : {"models.h", "dlinear.h", "dlinear.cpp", "dlinear_temperatures.json",
                           "class_gaussian.h", "class_gaussian.cpp"})
    files += test::read_file(folder() / name);
  const auto blocks = blocks_of(test::source_dir() / "docs/adding_a_model.md");
  CHECK(blocks.size() == 7);
  for (const auto& block : blocks) {
    INFO(block);
    CHECK(files.find(block) != std::string::npos);
  }
}
