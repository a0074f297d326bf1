#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "runtime/named_tensors.h"
#include "support/stepping_progress.h"
#include "support/tasks.h"

using namespace arzoo;
using test::hourly_table;
using test::SteppingProgress;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

fs::path training_file(const TempDir& temp) {
  return temp.write("waves.csv", test::wide_csv(hourly_table(300)));
}

Json busy_config(const TempDir& temp) {
  return test::tiny_config(training_file(temp),
                           {{"training", {{"save_every", 3}, {"ema_decay", 0.9}, {"max_steps", 20}}}});
}

void resume(const Json& config, const fs::path& out) {
  auto task = test::train_task(config, out);
  task.resume = true;
  SilentProgress progress;
  tasks::train(task, progress, test::kNeverStop);
}

void check_same_run(const fs::path& run, const fs::path& expected) {
  for (const char* file :
       {"config.json", "metrics.jsonl", "model/model.safetensors", "model/conformal.safetensors",
        "last/model.safetensors", "last/training.safetensors", "last/training.json"}) {
    INFO(file);
    CHECK(test::read_file(run / file) == test::read_file(expected / file));
  }
}

}  // namespace

TEST_CASE("a run leaves its folder as promised and tells what came out") {
  const TempDir temp;
  const auto config = test::tiny_config(training_file(temp));
  const auto result = test::train(config, temp / "run");
  for (const char* file : {"config.json", "model/config.json", "model/model.safetensors",
                           "last/training.json", "metrics.jsonl", "report.html"}) {
    INFO(file);
    CHECK(fs::exists(temp / "run" / file));
  }
  CHECK(result["run_dir"] == (temp / "run").string());
  CHECK(result["steps"] == 2 * 12);  // 300 rows train on 210: 195 windows, 12 batches of 16
  CHECK(result["epochs"] == 2);
  CHECK(result["best"]["val"]["mse"].get<double>() > 0);
  CHECK(result["test"]["mae"].get<double>() > 0);
  CHECK(test::read_file(temp / "run/report.html").find("<svg") != std::string::npos);
}

TEST_CASE("the resolved config of a run repeats it bit for bit") {
  const TempDir temp;
  const auto first = test::train(busy_config(temp), temp / "first");
  const auto again = test::train(Json::parse(test::read_file(temp / "first/config.json")), temp / "again");
  check_same_run(temp / "again", temp / "first");
  CHECK(again["test"] == first["test"]);
}

TEST_CASE("a run interrupted at any step and resumed is the run that was not") {
  const auto steps = GENERATE(1, 7, 12, 13);
  const TempDir temp;
  const auto config = busy_config(temp);
  test::train(config, temp / "whole");
  std::atomic<bool> stop = false;
  SteppingProgress progress([&](int64_t done) { stop = done >= steps; });
  CHECK_THROWS_AS(tasks::train(test::train_task(config, temp / "run"), progress, stop), Interrupted);
  resume(config, temp / "run");
  check_same_run(temp / "run", temp / "whole");
}

TEST_CASE("a killed process' run is resumed as if nothing had happened") {
  const TempDir temp;
  const auto config = busy_config(temp);
  test::train(config, temp / "whole");
  const pid_t child = ::fork();
  if (child == 0) {
    auto task = test::train_task(config, temp / "run");
    SteppingProgress progress([](int64_t done) {
      if (done == 11) ::kill(::getpid(), SIGKILL);
    });
    tasks::train(task, progress, test::kNeverStop);
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  resume(config, temp / "run");
  check_same_run(temp / "run", temp / "whole");
}

TEST_CASE("a run in the way is not overwritten") {
  const TempDir temp;
  const auto config = test::tiny_config(training_file(temp));
  test::train(config, temp / "run");
  CHECK_THROWS_AS(test::train(config, temp / "run"), UsageError);
}

TEST_CASE("resuming with another model, other data or another seed is refused") {
  const auto change =
      GENERATE(Json({{"model", {{"d_ff", 8}}}}), Json({{"data", {{"pred_len", 5}}}}), Json({{"seed", 2}}));
  const TempDir temp;
  const auto config = test::tiny_config(training_file(temp));
  test::train(config, temp / "run");
  auto other = config;
  other.merge_patch(change);
  CHECK_THROWS_WITH(resume(other, temp / "run"), ContainsSubstring("differs from the run in"));
}

TEST_CASE("a finished run can be given more epochs") {
  const TempDir temp;
  auto config =
      test::tiny_config(training_file(temp), {{"training", {{"lradj", "constant"}, {"patience", 0}}}});
  test::train(config, temp / "run");
  config["training"]["epochs"] = 3;
  resume(config, temp / "run");
  test::train(config, temp / "whole");
  check_same_run(temp / "run", temp / "whole");
}

TEST_CASE("resuming with fewer epochs than are done is refused by name and leaves the run as it was") {
  const TempDir temp;
  auto config = test::tiny_config(training_file(temp), {{"training", {{"epochs", 3}, {"patience", 0}}}});
  test::train(config, temp / "run");
  const auto before = test::read_file(temp / "run/config.json");
  config["training"]["epochs"] = 1;
  CHECK_THROWS_WITH(resume(config, temp / "run"),
                    (temp / "run").string() +
                        ": has begun 3 epochs, but training.epochs is 1 (give at "
                        "least 3, or another folder with --out)");
  CHECK(test::read_file(temp / "run/config.json") == before);
}

TEST_CASE("a run starts from another's model and changes only what is named") {
  const TempDir temp;
  const auto config = test::tiny_config(training_file(temp));
  test::train(config, temp / "first");
  auto tuned = config;
  tuned["training"].update(
      {{"init_from", (temp / "first").string()}, {"trainable", {"projector"}}, {"learning_rate", 0.01}});
  test::train(tuned, temp / "tuned");
  const auto before = runtime::open_tensors(temp / "first/model"),
             after = runtime::open_tensors(temp / "tuned/last");
  for (const auto& [name, tensor] : before) {
    if (!after.contains(name)) continue;
    INFO(name);
    CHECK(at::equal(after.at(name), tensor) == !name.starts_with("projector."));
  }
  CHECK(runtime::open_tensors(temp / "tuned/last/training.safetensors").contains("exp_avg.projector.weight"));
  CHECK_FALSE(runtime::open_tensors(temp / "tuned/last/training.safetensors")
                  .contains("exp_avg.enc_embedding.value_embedding.weight"));
}

TEST_CASE("a fine-tuning run interrupted and resumed is the run that was not, without what it started from") {
  const auto steps = GENERATE(1, 13);
  const TempDir temp;
  test::train(test::tiny_config(training_file(temp)), temp / "first");
  auto config = busy_config(temp);
  config["training"].update({{"init_from", (temp / "first").string()}, {"trainable", {"encoder", "*.bias"}}});
  test::train(config, temp / "whole");
  std::atomic<bool> stop = false;
  SteppingProgress progress([&](int64_t done) { stop = done >= steps; });
  CHECK_THROWS_AS(tasks::train(test::train_task(config, temp / "run"), progress, stop), Interrupted);
  fs::remove_all(temp / "first");
  resume(config, temp / "run");
  check_same_run(temp / "run", temp / "whole");
  config["training"]["trainable"] = Json::array();
  CHECK_THROWS_WITH(resume(config, temp / "run"),
                    ContainsSubstring("training/init_from or trainable differs"));
}

TEST_CASE("what a run cannot start from or train is refused before it leaves anything behind") {
  const TempDir temp;
  auto config = test::tiny_config(training_file(temp));
  config["training"]["init_from"] = (temp / "nowhere").string();
  CHECK_THROWS_AS(test::train(config, temp / "run"), CheckpointError);
  config["training"]["init_from"] = "";
  config["training"]["trainable"] = {"projektor"};
  CHECK_THROWS_WITH(
      test::train(config, temp / "run"),
      "tiny.json: /training/trainable/0: \"projektor\" means no parameter of the model (did you mean "
      "\"projector\"?)");
  CHECK_FALSE(fs::exists(temp / "run"));
}

TEST_CASE("a dry run counts what is trained") {
  const TempDir temp;
  auto config = test::tiny_config(training_file(temp), {{"training", {{"trainable", {"projector"}}}}});
  auto task = test::train_task(config, temp / "run");
  task.dry_run = true;
  SilentProgress progress;
  const auto plan = tasks::train(task, progress, test::kNeverStop)["plan"];
  CHECK(plan["trained_parameters"] == 16 * 4 + 4);
  CHECK(plan["parameters"].get<int64_t>() > 1000);
}

TEST_CASE("a dry run says what would be done and does none of it") {
  const TempDir temp;
  auto task = test::train_task(test::tiny_config(training_file(temp)), temp / "run");
  task.dry_run = true;
  SilentProgress progress;
  const auto plan = tasks::train(task, progress, test::kNeverStop)["plan"];
  CHECK(plan["steps_per_epoch"] == 12);
  CHECK(plan["steps"] == 24);
  CHECK(plan["parameters"].get<int64_t>() > 1000);
  CHECK_FALSE(fs::exists(temp / "run"));
}

TEST_CASE("bad data leaves no run behind") {
  const TempDir temp;
  const auto path = temp.write("short.csv", test::wide_csv(hourly_table(10)));
  CHECK_THROWS_AS(test::train(test::tiny_config(path), temp / "run"), DataError);
  CHECK_FALSE(fs::exists(temp / "run"));
  CHECK_THROWS_AS(test::train(test::tiny_config(temp / "none.csv"), temp / "run"), Error);
}

TEST_CASE("the parameters of a default model are counted, and those that a token passes through") {
  SilentProgress progress;
  const auto counts = tasks::models({.names = {"itransformer", "time_moe"}}, progress, test::kNeverStop);
  CHECK(counts["itransformer"]["parameters"].get<int64_t>() > 1'000'000);
  CHECK(counts["itransformer"]["activated_parameters"] == counts["itransformer"]["parameters"]);
  // TimeMoE-50M by name: 113 M, of which 50 M are activated (its paper, Table 2).
  CHECK(counts["time_moe"]["parameters"] == 113'352'192);
  CHECK(counts["time_moe"]["activated_parameters"] == 49'651'200);
}
