// bench regress: what is stored is found again, and what got worse is noticed.

#include "core/config.h"
#include "support/test.h"
#include "tasks/tasks.h"

using namespace arzoo;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

const std::atomic<bool> kNeverStop{false};

/// A suite with one small forecaster.
Json suite_of(const std::vector<std::string>& set = {}) {
  const auto config = test::source_dir() / "configs/forecast/itransformer_tiny.json";
  const Json cell{{"name", "small"}, {"config", config.string()}, {"set", set}, {"slowdown", 2.0}};
  return {{"title", "small"}, {"cells", {cell}}};
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
  SilentProgress progress;
  return tasks::regress(task, progress, kNeverStop);
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

TEST_CASE("a suite or a baseline that is none is refused") {
  const TempDir folder;
  CHECK_THROWS_AS(regress(folder, {{"cells", Json::array()}}, true), ConfigError);
  CHECK_THROWS_AS(regress(folder, {{"cells", {{{"name", "x"}}}}}, true), ConfigError);
  folder.write("baseline.json", R"({"small": {"mse": 0.5}})");
  CHECK_THROWS_AS(regress(folder, suite_of(), false), ConfigError);
}
