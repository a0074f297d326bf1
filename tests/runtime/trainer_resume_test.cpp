#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>

#include "runtime/named_tensors.h"
#include "runtime/safetensors.h"
#include "support/test.h"
#include "support/toy_runs.h"

using namespace arzoo;
using arzoo::test::SteppingProgress;
using arzoo::test::TempDir;
using arzoo::test::ToyExperiment;

TEST_CASE("a run that is interrupted and resumed ends as one that was not") {
  const auto options = GENERATE(test::toy_options(), test::busy_options(), test::descent_options());
  // Steps of each process: the first step, within an epoch, at an epoch's end, again and again.
  const auto stops = GENERATE(std::vector<int64_t>{1}, std::vector<int64_t>{3, 2}, std::vector<int64_t>{4},
                              std::vector<int64_t>{1, 1, 1, 1, 1});
  const TempDir temp;
  const auto whole = test::fit(temp / "whole", options);
  for (const int64_t steps : stops) test::fit_interrupted(temp / "pieces", options, steps);
  const auto pieces = test::fit(temp / "pieces", options);
  test::check_same_training(temp / "pieces", temp / "whole");
  CHECK(pieces.steps == whole.steps);
  CHECK(pieces.best_epoch == whole.best_epoch);
  CHECK(pieces.best_val == whole.best_val);
  CHECK(pieces.test == whole.test);
}

TEST_CASE("a run that fails within a save goes on from the save before, without a trace in the log") {
  auto options = GENERATE(test::toy_options(), test::busy_options());
  options.epochs = 2;
  const TempDir temp;
  test::fit(temp / "whole", options);
  for (int64_t save = 0; save < 20; ++save) {
    INFO("save " << save);
    const auto path = temp / std::to_string(save);
    try {
      test::fit(path, options, {.failing_save = save});
      REQUIRE(save >= 4);  // all saves of the run were made
      break;
    } catch (const std::runtime_error& error) {
      REQUIRE(std::string(error.what()) == "the power went out");
    }
    test::fit(path, options);
    test::check_same_training(path, temp / "whole");
  }
}

TEST_CASE("a run whose process is killed is resumed from its last save") {
  auto options = test::busy_options();
  options.save_every = 2;
  const TempDir temp;
  test::fit(temp / "whole", options);
  const pid_t child = ::fork();
  if (child == 0) {
    ToyExperiment experiment;
    const std::atomic<bool> stop = false;
    SteppingProgress progress([](int64_t done) {
      if (done == 7) ::kill(::getpid(), SIGKILL);
    });
    test::fit(temp / "killed", options, experiment, progress, stop);
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(test::lines_of(temp / "killed" / "metrics.jsonl").back()["step"] == 6);
  test::fit(temp / "killed", options);
  test::check_same_training(temp / "killed", temp / "whole");
}

TEST_CASE("resuming a finished run trains no further") {
  const TempDir temp;
  const auto whole = test::fit(temp / "run", test::toy_options());
  const auto log = test::read_file(temp / "run" / "metrics.jsonl");
  ToyExperiment experiment;
  SilentProgress progress;
  const std::atomic<bool> stop = false;
  const auto again = test::fit(temp / "run", test::toy_options(), experiment, progress, stop);
  CHECK(experiment.batches.empty());
  CHECK(again.test == whole.test);
  CHECK(again.best_val == whole.best_val);
  CHECK(test::read_file(temp / "run" / "metrics.jsonl") == log);
}

TEST_CASE("a finished run that is given more steps goes on as if it had had them from the start") {
  // 4 and 8 end with an epoch, 5 and 6 within one, whose rest is then trained and validated.
  const auto [first, longer] = GENERATE(table<int64_t, int64_t>({{8, 12}, {4, 12}, {6, 12}, {5, 6}}));
  const TempDir temp;
  auto options = test::toy_options();
  options.lradj = "constant";
  options.max_steps = longer;
  const auto whole = test::fit(temp / "whole", options);
  options.max_steps = first;
  test::fit(temp / "run", options);
  options.max_steps = longer;
  const auto summary = test::fit(temp / "run", options);
  CHECK(summary.steps == longer);
  CHECK(summary.epochs == whole.epochs);
  CHECK(test::read_file(temp / "run/last/model.safetensors") ==
        test::read_file(temp / "whole/last/model.safetensors"));
  if (first % ToyExperiment::kBatches == 0) test::check_same_training(temp / "run", temp / "whole");
}

TEST_CASE("a run that patience has ended stays ended, however many epochs it is given") {
  const TempDir temp;
  auto options = test::toy_options();
  options.patience = 1;
  test::fit(temp / "run", options, {.val = {1, 2}});
  options.epochs = 30;
  CHECK(test::fit(temp / "run", options).epochs == 2);
}

TEST_CASE("a run cannot be resumed with less than it has done, whether it was finished or not") {
  auto options = test::toy_options();
  options.epochs = 5;
  options.save_every = 1;
  const TempDir temp;
  test::fit_interrupted(temp / "run", options, 14);  // in the fourth epoch
  const auto run = (temp / "run").string();
  const auto refuse = [&](const std::string& text) {
    CHECK_THROWS_WITH(test::fit(run, options), run + text);
    CHECK_THROWS_AS(test::fit(run, options), UsageError);
  };
  options.epochs = 3;
  refuse(": has begun 4 epochs, but training.epochs is 3 (give at least 4, or another folder with --out)");
  options.epochs = 5;
  options.max_steps = 13;
  refuse(
      ": has done 14 steps, but training.max_steps is 13 (give at least 14, or another folder with --out)");
  options.max_steps.reset();
  test::fit(run, options);
  options.epochs = 1;
  refuse(": has begun 5 epochs, but training.epochs is 1 (give at least 5, or another folder with --out)");
}

TEST_CASE("a run that was killed after an epoch is finished when it is given no more than that") {
  auto options = test::toy_options();
  options.epochs = 5;
  const TempDir temp;
  CHECK_THROWS(test::fit(temp / "run", options, {.failing_save = 2}));  // of the second epoch's model
  options.epochs = 1;
  const auto done = test::fit(temp / "run", options);
  CHECK(done.epochs == 1);
  CHECK(done.steps == 4);
  CHECK(std::isfinite(done.best_val.front().second));
  CHECK(test::lines_of(temp / "run/metrics.jsonl").back()["epoch"] == 1);
}

TEST_CASE("a state of another model or run is refused when resuming") {
  const TempDir temp;
  test::fit_interrupted(temp / "run", test::toy_options(), 2);
  auto options = test::toy_options();
  options.ema_decay = 0.5;
  CHECK_THROWS_AS(test::fit(temp / "run", options), CheckpointError);
  temp.write("run/last/training.json", "{\"state\": {\"step\": -1}, \"best_val\": {}}");
  CHECK_THROWS_AS(test::fit(temp / "run", test::toy_options()), ConfigError);
}

TEST_CASE("a random state of another kind is refused by name when resuming") {
  const TempDir temp;
  test::fit_interrupted(temp / "run", test::toy_options(), 2);
  const auto path = temp / "run/last/training.safetensors";
  const auto replacement = GENERATE(as<at::Tensor>{}, at::zeros({5056}, at::kFloat),
                                    at::zeros({7}, at::kByte), at::zeros({5056}, at::kByte));
  auto entries = runtime::open_tensors(path).entries();
  for (auto& [name, tensor] : entries) tensor = name == "random_state" ? replacement : tensor.clone();
  runtime::write_safetensors(path, entries, {});
  CHECK_THROWS_AS(test::fit(temp / "run", test::toy_options()), CheckpointError);
  CHECK_THROWS_WITH(test::fit(temp / "run", test::toy_options()),
                    ContainsSubstring("training.safetensors: random_state: "));
}
