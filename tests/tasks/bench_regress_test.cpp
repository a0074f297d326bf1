// bench regress: what is stored is found again, and what got worse is noticed.

#include "core/config.h"
#include "support/tasks.h"
#include "tasks/tasks.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

const std::atomic<bool> kNeverStop{false};

/// A suite with one small forecaster.
Json suite_of(const std::vector<std::string>& set = {}) {
  const auto config = test::source_dir() / "configs/forecast/itransformer_tiny.json";
  const Json cell{{"name", "small"}, {"config", config.string()}, {"set", set}};
  return {{"title", "small"}, {"rounds", 3}, {"round_seconds", 0.02}, {"cells", {cell}}};
}

/// Compares with folder/baseline.json, or writes that.
Json regress(const TempDir& folder, const Json& suite, bool update, bool accuracy_only = true) {
  plan::RegressTask task{.compute = {},
                         .suite = Config(suite, "suite.json"),
                         .folder = folder.path(),
                         .out = folder / "out",
                         .only = {},
                         .baseline = folder / "baseline.json",
                         .accuracy_only = accuracy_only,
                         .update = update};
  task.compute.device = "cpu";
  RecordingProgress progress;
  auto result = tasks::regress(task, progress, kNeverStop);
  result["notes"] = progress.notes;
  return result;
}

/// What is stored of the suite's cell.
Json stored_cell(const TempDir& folder) {
  return Json::parse(test::read_file(folder / "baseline.json"))["small"];
}

std::string verdict(const Json& result, const std::string& what) {
  for (const auto& check : result["rows"])
    if (check["what"] == what) return check["result"];
  return "no such check";
}

}  // namespace

TEST_CASE("a baseline is written once, then found again") {
  const TempDir folder;
  CHECK_THROWS_AS(regress(folder, suite_of(), false), UsageError);
  CHECK(regress(folder, suite_of(), true)["failed"] == 0);
  const auto stored = Config::load(folder / "baseline.json");
  CHECK(stored.json()["small"]["metrics"]["mse"].get<double>() > 0.0);
  const auto again = regress(folder, suite_of(), false);
  CHECK(again["failed"] == 0);
  CHECK(verdict(again, "mse") == "pass");
  CHECK_THAT(test::read_file(folder / "out/junit.xml"), ContainsSubstring("failures=\"0\""));
  CHECK(fs::exists(folder / "out/report.html"));
}

TEST_CASE("a metric that is new, and one that is gone, are noticed") {
  const TempDir folder;
  folder.write("baseline.json", R"({"small": {"metrics": {"gone": 1.0}}})");
  const auto result = regress(folder, suite_of(), false);
  CHECK_THAT(verdict(result, "mse"), ContainsSubstring("--update"));
  CHECK_THAT(verdict(result, "gone"), ContainsSubstring("no longer measured"));
}

TEST_CASE("a change of accuracy is noticed") {
  const TempDir folder;
  regress(folder, suite_of(), true);
  const auto result = regress(folder, suite_of({"training.learning_rate=1e-2"}), false);
  CHECK(result["failed"].get<int>() >= 1);
  CHECK(result["checks"] == result["rows"].size());
  CHECK_THAT(verdict(result, "mse"), ContainsSubstring("changed by more than 0.1 %"));
  CHECK_THAT(result["markdown"].get<std::string>(), ContainsSubstring("FAIL"));
  CHECK_THAT(test::read_file(folder / "out/junit.xml"), ContainsSubstring("<failure message=\"mse: "));
}

TEST_CASE("a slow-down is noticed") {
  const TempDir folder;
  regress(folder, suite_of(), true, false);
  const auto result = regress(folder, suite_of({"model.d_ff=8192"}), false, false);
  CHECK_THAT(verdict(result, "train_step"), ContainsSubstring("times as slow"));
}

TEST_CASE("times are stored by processor, and each has its own") {
  const TempDir folder;
  folder.write(
      "baseline.json",
      R"({"small": {"metrics": {}, "times": {"train_step": 9}, "processors": {"Z80": {"train_step": 8}}}})");
  regress(folder, suite_of(), true, false);
  const auto stored = stored_cell(folder);
  REQUIRE(stored["processors"].size() == 2);
  CHECK(stored["processors"]["Z80"]["train_step"] == 8);
  CHECK(stored["times"]["train_step"] == 9);
  for (const auto& [processor, times] : stored["processors"].items()) {
    if (processor == "Z80") continue;
    CHECK_THAT(processor, ContainsSubstring(" thread"));
    CHECK(times["train_step"].get<double>() > 0.0);
  }
}

TEST_CASE("an unknown processor has a loose limit, and is told so") {
  const TempDir folder;
  // The longest of the others' times counts: any processor's step is faster than the second.
  folder.write("baseline.json",
               R"({"small": {"times": {"train_step": 1e-6}, "processors": {"Z80": {"train_step": 1e6}}}})");
  auto suite = suite_of();
  const auto loose = regress(folder, suite, false, false);
  CHECK(verdict(loose, "train_step") == "pass");
  CHECK_THAT(loose["markdown"].get<std::string>(), ContainsSubstring("× 3 (another processor)"));
  CHECK_THAT(loose["notes"].dump(),
             ContainsSubstring("no times of this processor") && ContainsSubstring("--update"));
  suite["cells"][0]["slowdown_elsewhere"] = 1.1;
  CHECK_THROWS_AS(regress(folder, suite, false, false), ConfigError);  // less than slowdown
}

TEST_CASE("a metric within its tolerance stays as it is stored") {
  const TempDir folder;
  regress(folder, suite_of(), true);
  auto stored = Json::parse(test::read_file(folder / "baseline.json"));
  const double mse = stored["small"]["metrics"]["mse"].get<double>() * 1.0001;
  stored["small"]["metrics"]["mse"] = mse;
  stored["small"]["metrics"]["mae"] = 1.0;
  folder.write("baseline.json", stored.dump());
  regress(folder, suite_of(), true);
  CHECK(stored_cell(folder)["metrics"]["mse"].get<double>() == Approx(mse).epsilon(1e-6));
  CHECK(stored_cell(folder)["metrics"]["mae"] != 1.0);
}

TEST_CASE("a suite or a baseline that is none is refused") {
  const TempDir folder;
  CHECK_THROWS_AS(regress(folder, {{"cells", Json::array()}}, true), ConfigError);
  CHECK_THROWS_AS(regress(folder, {{"cells", {{{"name", "x"}}}}}, true), ConfigError);
  folder.write("baseline.json", R"({"small": {"mse": 0.5}})");
  CHECK_THROWS_AS(regress(folder, suite_of(), false), ConfigError);
}
