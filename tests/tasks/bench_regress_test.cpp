// bench regress: what is stored is found again, and what got worse is noticed.

#include "core/config.h"
#include "support/test.h"
#include "tasks/tasks.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

const std::atomic<bool> kGoOn{false};

/// A baseline with one small forecaster, and nothing stored yet.
fs::path fresh_baseline(const TempDir& folder, const std::vector<std::string>& set = {}) {
  const auto config = test::source_dir() / "configs/forecast/itransformer_tiny.json";
  const Json cell{{"name", "small"}, {"config", config.string()}, {"set", set}, {"slowdown", 2.0}};
  return folder.write("small.json", Json{{"title", "small"}, {"cells", {cell}}}.dump());
}

Json regress(const TempDir& folder, bool update, bool accuracy_only) {
  plan::RegressTask task;
  task.compute.device = "cpu";
  task.baselines = {folder / "small.json"};
  task.junit = folder / "junit.xml";
  task.update = update;
  task.accuracy_only = accuracy_only;
  SilentProgress progress;
  return tasks::regress(task, progress, kGoOn);
}

/// Puts other overrides into a stored baseline, as a change of the program would have the same effect.
void change(const TempDir& folder, const std::string& override) {
  auto json = Config::load(folder / "small.json").json();
  json["cells"][0]["set"] = {override};
  folder.write("small.json", json.dump());
}

std::string verdict(const Json& result, const std::string& what) {
  for (const auto& check : result["checks"])
    if (check["what"] == what) return check["result"];
  return "no such check";
}

}  // namespace

TEST_CASE("a baseline is written once, then found again") {
  const TempDir folder;
  fresh_baseline(folder);
  const auto missing = regress(folder, false, true);
  CHECK(missing["failed"] == 2);  // mse and mae
  CHECK_THAT(verdict(missing, "mse"), ContainsSubstring("--update"));
  CHECK(regress(folder, true, true)["failed"] == 0);
  const auto stored = Config::load(folder / "small.json").json();
  CHECK(stored["title"] == "small");
  CHECK(stored["cells"][0]["metrics"]["mse"].get<double>() > 0.0);
  const auto again = regress(folder, false, true);
  CHECK(again["failed"] == 0);
  CHECK(verdict(again, "mse") == "pass");
  CHECK_THAT(test::read_file(folder / "junit.xml"), ContainsSubstring("tests=\"2\" failures=\"0\""));
}

TEST_CASE("a change of accuracy is noticed") {
  const TempDir folder;
  fresh_baseline(folder);
  regress(folder, true, true);
  change(folder, "training.learning_rate=1e-2");
  const auto result = regress(folder, false, true);
  CHECK(result["failed"].get<int>() >= 1);
  CHECK_THAT(verdict(result, "mse"), ContainsSubstring("changed by more than 0.1 %"));
  CHECK_THAT(result["markdown"].get<std::string>(), ContainsSubstring("FAIL"));
  CHECK_THAT(test::read_file(folder / "junit.xml"), ContainsSubstring("<failure message=\"mse: "));
}

TEST_CASE("a slow-down is noticed") {
  const TempDir folder;
  fresh_baseline(folder);
  regress(folder, true, false);
  change(folder, "model.d_ff=8192");
  const auto result = regress(folder, false, false);
  CHECK_THAT(verdict(result, "train_step"), ContainsSubstring("times as slow"));
}

TEST_CASE("a baseline that is none is refused") {
  const TempDir folder;
  folder.write("small.json", R"({"cells": [{"name": "x"}]})");
  CHECK_THROWS_AS(regress(folder, false, true), ConfigError);
  folder.write("small.json", R"({"cells": [], "works": 3})");
  CHECK_THROWS_AS(regress(folder, false, true), ConfigError);
}
