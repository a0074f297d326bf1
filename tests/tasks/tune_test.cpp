#include "plan/search_space.h"
#include "support/stepping_progress.h"
#include "support/tasks.h"
#include "tasks/tune_trials.h"

using namespace arzoo;
using test::hourly_table;
using test::SteppingProgress;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

Json waves_config(const TempDir& temp) {
  return test::tiny_config(
      temp.write("waves.csv", test::wide_csv(hourly_table(200))),
      {{"training", {{"epochs", 4}, {"patience", 0}, {"learning_rate", 1e-3}, {"lradj", "cosine"}}}});
}

plan::TuneTask tune_task(const Json& config, const fs::path& out, const Json& space, int64_t trials) {
  plan::TuneTask task{{}, Config(config, "tiny.json"), ".", Config(space, "space.json"), out};
  task.compute.device = "cpu";
  task.trials = trials;
  task.rungs = 2;
  task.reduction = 2;
  return task;
}

const Json& rates() {
  static const Json space{{"training.learning_rate", {{"low", 1e-4}, {"high", 1e-2}, {"log", true}}},
                          {"model.e_layers", {1, 2}}};
  return space;
}

Json tune(const plan::TuneTask& task) {
  SilentProgress progress;
  return tasks::tune(task, progress, test::kNeverStop);
}

/// A result without what another run has otherwise.
Json without_times(Json result) {
  result.erase("seconds");
  result.erase("run_dir");
  result["trials"].push_back(result["best"]);
  for (auto& trial : result["trials"]) {
    trial.erase("seconds");
    trial.erase("run_dir");
  }
  result.erase("best");
  return result;
}

}  // namespace

TEST_CASE("a search trains the better half further and keeps the best model") {
  const TempDir temp;
  const auto config = waves_config(temp);
  const auto result = tune(tune_task(config, temp / "search", rates(), 4));
  REQUIRE(result["trials"].size() == 4);
  CHECK(result["stopped"] == "trials");
  CHECK(result["metric"] == "mse");
  CHECK(result["trials"][0]["values"]["training.learning_rate"] == 1e-3);  // the config's own come first
  int ended = 0;
  double least = 1e9;
  for (const auto& trial : result["trials"]) {
    ended += trial["share"] == 1.0 ? 1 : 0;
    least = std::min(least, trial["score"].get<double>());
    CHECK(trial["epochs"] == (trial["share"] == 1.0 ? 4 : 2));
    CHECK(fs::exists(fs::path(trial["run_dir"].get<std::string>()) / "metrics.jsonl"));
  }
  CHECK(ended >= 1);
  CHECK(ended <= 3);
  CHECK(result["best"]["score"] == least);
  CHECK(result["best"]["share"] == 1.0);
  for (const char* file :
       {"best.json", "trials.json", "report.html", "model/model.safetensors", "config.json"}) {
    INFO(file);
    CHECK(fs::exists(temp / "search" / file));
  }
}

TEST_CASE("the best trial is the run of the best config, to the bit, and its folder forecasts") {
  const TempDir temp;
  const auto config = waves_config(temp);
  tune(tune_task(config, temp / "search", rates(), 4));
  test::train(Json::parse(test::read_file(temp / "search/best.json")), temp / "again");
  CHECK(test::read_file(temp / "again/model/model.safetensors") ==
        test::read_file(temp / "search/model/model.safetensors"));
  const auto forecast =
      test::forecast(test::forecast_task(temp / "search", {temp / "waves.csv"}, temp / "forecast.csv"));
  CHECK(forecast["rows"].get<int64_t>() > 0);
}

TEST_CASE("a search is a function of its seed") {
  const TempDir temp;
  auto config = waves_config(temp);
  const auto first = tune(tune_task(config, temp / "first", rates(), 3));
  CHECK(without_times(tune(tune_task(config, temp / "again", rates(), 3))) == without_times(first));
  config["seed"] = 77;
  CHECK(tune(tune_task(config, temp / "other", rates(), 3))["trials"][1]["values"] !=
        first["trials"][1]["values"]);
}

TEST_CASE("a search that was stopped in any trial goes on as if it had not been") {
  const auto steps = GENERATE(3, 17, 25);
  const TempDir temp;
  const auto config = waves_config(temp);
  const auto whole = tune(tune_task(config, temp / "whole", rates(), 3));
  auto task = tune_task(config, temp / "search", rates(), 3);
  std::atomic<bool> stop = false;
  SteppingProgress progress([&](int64_t done) { stop = done >= steps; });
  CHECK_THROWS_AS(tasks::tune(task, progress, stop), Interrupted);
  CHECK_THROWS_WITH(tune(task), ContainsSubstring("--resume continues it"));
  task.resume = true;
  CHECK(without_times(tune(task)) == without_times(whole));
  CHECK(test::read_file(temp / "search/model/model.safetensors") ==
        test::read_file(temp / "whole/model/model.safetensors"));
  // It ended; given more trials it goes on.
  task.trials = 4;
  CHECK(tune(task)["trials"].size() == 4);
}

TEST_CASE("another search is not resumed") {
  const TempDir temp;
  auto config = waves_config(temp);
  auto task = tune_task(config, temp / "search", rates(), 1);
  tune(task);
  task.resume = true;
  task.rungs = 3;
  CHECK_THROWS_WITH(tune(task), ContainsSubstring("--rungs or --reduction differs from that of the search"));
  task.rungs = 2;
  task.space = Config({{"model.e_layers", {1, 2}}}, "space.json");
  CHECK_THROWS_WITH(tune(task), ContainsSubstring("the space differs"));
}

TEST_CASE("a state that was tampered with is refused by name") {
  const TempDir temp;
  auto task = tune_task(waves_config(temp), temp / "search", rates(), 1);
  tune(task);
  task.resume = true;
  const auto file = temp / "search/last/trials.json";
  const auto good = test::read_file(file);
  const auto tampered = [&](const char* pointer, const Json& value) {
    auto state = Json::parse(good);
    state[Json::json_pointer(pointer)] = value;
    temp.write("search/last/trials.json", state.dump());
  };
  const auto [pointer, value] = GENERATE(table<const char*, Json>({{"/trials/0/values", Json::object()},
                                                                   {"/trials/0/val", {{"mse", "low"}}},
                                                                   {"/trials/0/val", Json::object()},
                                                                   {"/trials/0/scores", {1, 2, 3}},
                                                                   {"/trials/0/draw", "first"},
                                                                   {"/rungs", 0}}));
  INFO(pointer);
  tampered(pointer, value);
  CHECK_THROWS_AS(tune(task), CheckpointError);
  CHECK_THROWS_WITH(tune(task), ContainsSubstring("trials.json: /"));
  fs::remove(file);
  CHECK_THROWS_WITH(tune(task), ContainsSubstring("the run there is no search"));
}

TEST_CASE("a search ends when its space has no more values, and leaves out what the config refuses") {
  const TempDir temp;
  const Json space{{"data.label_len", {3, 6, 13}}};  // 13 exceeds seq_len
  auto config = waves_config(temp);
  config["training"]["epochs"] = 1;
  const auto result = tune(tune_task(config, temp / "search", space, 50));
  CHECK(result["trials"].size() == 2);
  CHECK(result["stopped"] == "no more values in the space");
}

TEST_CASE("a trial that fails does not end the search; when all fail, the first says why") {
  const TempDir temp;
  auto config = waves_config(temp);
  config["training"]["epochs"] = 1;
  const Json space{{"training.learning_rate", {1e-3, 1e30}}};
  const auto result = tune(tune_task(config, temp / "search", space, 2));
  REQUIRE(result["trials"].size() == 2);
  CHECK_THAT(result["trials"][1]["error"].get<std::string>(),
             ContainsSubstring("try a smaller learning_rate"));
  CHECK(result["best"]["trial"] == 1);
  config["training"]["learning_rate"] = 1e30;
  CHECK_THROWS_WITH(tune(tune_task(config, temp / "none", {{"model.e_layers", {1, 2}}}, 2)),
                    ContainsSubstring("none of 2 trials could be trained; the first: step"));
}

TEST_CASE("a time limit ends a search with the best model so far") {
  const TempDir temp;
  auto config = waves_config(temp);
  config["training"]["epochs"] = 200;
  auto task = tune_task(config, temp / "search", rates(), 1000);
  task.rungs = 4;
  task.reduction = 4;
  task.time_limit = 3.0;
  const auto result = tune(task);
  CHECK(result["stopped"] == "time limit");
  CHECK(result["seconds"].get<double>() < 30.0);
  CHECK(fs::exists(temp / "search/model/model.safetensors"));
  task.config =
      Config(test::tiny_config(temp / "waves.csv", {{"training", {{"epochs", 100000}, {"patience", 0}}}}),
             "tiny.json");
  task.out = temp / "none";
  task.rungs = 1;
  task.time_limit = 1.0;
  CHECK_THROWS_WITH(tune(task), ContainsSubstring("no trial reached the end of its first rung"));
}

TEST_CASE("the plan of a search has the sizes of the config's model and the rungs") {
  const TempDir temp;
  auto task = tune_task(waves_config(temp), temp / "search", rates(), 4);
  task.dry_run = true;
  const auto plan = tune(task)["plan"];
  CHECK(plan["parameters"].get<int64_t>() > 0);
  CHECK(plan["shares"] == Json{0.5, 1.0});
  CHECK_FALSE(fs::exists(temp / "search"));
}
