#include "runtime/trainer.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <limits>
#include <utility>

#include "runtime/named_tensors.h"
#include "runtime/safetensors.h"
#include "support/stepping_progress.h"
#include "support/test.h"
#include "support/toy_experiment.h"

using namespace arzoo;
using arzoo::test::SteppingProgress;
using arzoo::test::TempDir;
using arzoo::test::ToyExperiment;
using runtime::TrainingOptions;
using runtime::TrainSummary;

namespace {

TrainingOptions toy_options() {
  TrainingOptions options;
  options.epochs = 3;
  options.learning_rate = 0.01;
  options.log_every = 3;  // does not divide an epoch: the sum of the losses must survive an interruption
  return options;
}

/// Everything at once that a state must carry.
TrainingOptions busy_options() {
  auto options = toy_options();
  options.epochs = 4;
  options.accumulation_steps = 2;
  options.ema_decay = 0.7;
  options.clip_grad_norm = 0.5;
  options.lradj = "cosine";
  options.warmup_steps = 2;
  options.save_every = 1;
  options.log_every = 1;
  return options;
}

/// One process' share of a run.
TrainSummary fit(const std::filesystem::path& path, const TrainingOptions& options,
                 runtime::Experiment& experiment, Progress& progress, const std::atomic<bool>& stop,
                 at::ScalarType dtype = at::kFloat) {
  const bool resume = std::filesystem::exists(path / "last");
  const auto run = RunDir::create(path, resume ? IfExists::resume : IfExists::replace);
  run.write_config({{"toy", true}});
  if (!resume) runtime::seed(5);
  return runtime::Trainer(experiment, options, {at::kCPU, dtype}, run, progress, stop).fit(resume);
}

/// One process' share that nobody disturbs.
TrainSummary fit(const std::filesystem::path& path, const TrainingOptions& options,
                 test::ToyFaults faults = {}, at::ScalarType dtype = at::kFloat) {
  ToyExperiment experiment(std::move(faults));
  SilentProgress progress;
  const std::atomic<bool> stop = false;
  return fit(path, options, experiment, progress, stop, dtype);
}

/// One process' share that is asked to stop after `steps` of its own steps.
void fit_interrupted(const std::filesystem::path& path, const TrainingOptions& options, int64_t steps) {
  ToyExperiment experiment;
  std::atomic<bool> stop = false;
  SteppingProgress progress([&](int64_t done) { stop = done >= steps; });
  CHECK_THROWS_AS(fit(path, options, experiment, progress, stop), Interrupted);
}

std::vector<Json> lines_of(const std::filesystem::path& path) {
  std::vector<Json> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
  return lines;
}

/// The whole training state but for the time it took, and what was logged on the way: equal to the last bit.
void check_same_run(const std::filesystem::path& run, const std::filesystem::path& expected) {
  for (const char* file : {"metrics.jsonl", "model/model.safetensors", "last/model.safetensors",
                           "last/training.json", "last/training.safetensors"}) {
    INFO(file);
    CHECK(test::read_file(run / file) == test::read_file(expected / file));
  }
}

}  // namespace

TEST_CASE("a run that is interrupted and resumed ends as one that was not") {
  const auto options = GENERATE(toy_options(), busy_options());
  // Steps of each process: the first step, within an epoch, at an epoch's end, again and again.
  const auto stops = GENERATE(std::vector<int64_t>{1}, std::vector<int64_t>{3, 2}, std::vector<int64_t>{4},
                              std::vector<int64_t>{1, 1, 1, 1, 1});
  const TempDir temp;
  const auto whole = fit(temp / "whole", options);
  for (const int64_t steps : stops) fit_interrupted(temp / "pieces", options, steps);
  const auto pieces = fit(temp / "pieces", options);
  check_same_run(temp / "pieces", temp / "whole");
  CHECK(pieces.steps == whole.steps);
  CHECK(pieces.best_epoch == whole.best_epoch);
  CHECK(pieces.best_val == whole.best_val);
  CHECK(pieces.test == whole.test);
}

TEST_CASE("a run that fails within a save goes on from the save before, without a trace in the log") {
  auto options = GENERATE(toy_options(), busy_options());
  options.epochs = 2;
  const TempDir temp;
  fit(temp / "whole", options);
  for (int64_t save = 0; save < 20; ++save) {
    INFO("save " << save);
    const auto path = temp / std::to_string(save);
    try {
      fit(path, options, {.failing_save = save});
      REQUIRE(save >= 4);  // all saves of the run were made
      break;
    } catch (const std::runtime_error& error) {
      REQUIRE(std::string(error.what()) == "the power went out");
    }
    fit(path, options);
    check_same_run(path, temp / "whole");
  }
}

TEST_CASE("a run whose process is killed is resumed from its last save") {
  auto options = busy_options();
  options.save_every = 2;
  const TempDir temp;
  fit(temp / "whole", options);
  const pid_t child = ::fork();
  if (child == 0) {
    ToyExperiment experiment;
    const std::atomic<bool> stop = false;
    SteppingProgress progress([](int64_t done) {
      if (done == 7) ::kill(::getpid(), SIGKILL);
    });
    fit(temp / "killed", options, experiment, progress, stop);
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(lines_of(temp / "killed" / "metrics.jsonl").back()["step"] == 6);
  fit(temp / "killed", options);
  check_same_run(temp / "killed", temp / "whole");
}

TEST_CASE("resuming a finished run trains no further") {
  const TempDir temp;
  const auto whole = fit(temp / "run", toy_options());
  const auto log = test::read_file(temp / "run" / "metrics.jsonl");
  ToyExperiment experiment;
  SilentProgress progress;
  const std::atomic<bool> stop = false;
  const auto again = fit(temp / "run", toy_options(), experiment, progress, stop);
  CHECK(experiment.batches.empty());
  CHECK(again.test == whole.test);
  CHECK(again.best_val == whole.best_val);
  CHECK(test::read_file(temp / "run" / "metrics.jsonl") == log);
}

TEST_CASE("a finished run that is given more steps goes on as if it had had them from the start") {
  // 4 and 8 end with an epoch, 5 and 6 within one, whose rest is then trained and validated.
  const auto [first, longer] = GENERATE(table<int64_t, int64_t>({{8, 12}, {4, 12}, {6, 12}, {5, 6}}));
  const TempDir temp;
  auto options = toy_options();
  options.lradj = "constant";
  options.max_steps = longer;
  const auto whole = fit(temp / "whole", options);
  options.max_steps = first;
  fit(temp / "run", options);
  options.max_steps = longer;
  const auto summary = fit(temp / "run", options);
  CHECK(summary.steps == longer);
  CHECK(summary.epochs == whole.epochs);
  CHECK(test::read_file(temp / "run/last/model.safetensors") ==
        test::read_file(temp / "whole/last/model.safetensors"));
  if (first % ToyExperiment::kBatches == 0) check_same_run(temp / "run", temp / "whole");
}

TEST_CASE("a run that patience has ended stays ended, however many epochs it is given") {
  const TempDir temp;
  auto options = toy_options();
  options.patience = 1;
  fit(temp / "run", options, {.val = {1, 2}});
  options.epochs = 30;
  CHECK(fit(temp / "run", options).epochs == 2);
}

TEST_CASE("the log has the mean loss since the last line, the rate, and one line of validation an epoch") {
  const TempDir temp;
  fit(temp / "run", toy_options());
  const auto lines = lines_of(temp / "run" / "metrics.jsonl");
  std::vector<std::pair<int64_t, int64_t>> validated, logged;
  for (const auto& line : lines) {
    auto& kind = line.contains("val_mse") ? validated : logged;
    kind.emplace_back(line["step"].get<int64_t>(), line["epoch"].get<int64_t>());
    CHECK(line.contains("val_mse") == line.contains("train_loss"));
    CHECK(line.contains("loss") == line.contains("learning_rate"));
  }
  CHECK(validated == std::vector<std::pair<int64_t, int64_t>>{{4, 1}, {8, 2}, {12, 3}});
  CHECK(logged == std::vector<std::pair<int64_t, int64_t>>{{3, 1}, {6, 2}, {9, 3}, {12, 3}});
}

TEST_CASE("each step takes the next accumulation_steps batches") {
  const TempDir temp;
  auto options = toy_options();
  options.epochs = 2;
  options.accumulation_steps = 2;
  ToyExperiment experiment;
  SilentProgress progress;
  const std::atomic<bool> stop = false;
  CHECK(fit(temp / "run", options, experiment, progress, stop).steps == 4);
  CHECK(experiment.batches == std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("training stops after max_steps, within an epoch too, and validates there") {
  const auto max_steps = GENERATE(int64_t{1}, int64_t{4}, int64_t{6}, int64_t{100});
  const TempDir temp;
  auto options = toy_options();
  options.max_steps = max_steps;
  const auto summary = fit(temp / "run", options);
  CHECK(summary.steps == std::min<int64_t>(max_steps, 12));
  CHECK(summary.epochs == (summary.steps + 3) / 4);
  CHECK(lines_of(temp / "run" / "metrics.jsonl").back()["step"] == summary.steps);
}

TEST_CASE("training stops when patience ends, and the best epoch's weights are kept") {
  struct Case {
    int64_t patience;
    std::vector<double> val;
    int64_t epochs, best_epoch;
  };
  const auto c = GENERATE(
      Case{2, {3, 2, 2.5, 2.5, 1}, 4, 2}, Case{1, {3, 4, 1}, 2, 1}, Case{0, {3, 4, 5, 6, 7, 8}, 6, 1},
      Case{2, {3, 2, 2, 2.5, 2.5, 1}, 5, 3});  // an equal error counts as a gain, as officially
  const TempDir temp;
  auto options = toy_options();
  options.epochs = 6;
  options.patience = c.patience;
  const auto summary = fit(temp / "run", options, {.val = c.val});
  CHECK(summary.epochs == c.epochs);
  CHECK(summary.best_epoch == c.best_epoch);
  CHECK(summary.best_val.front().second == c.val[c.best_epoch - 1]);

  auto shorter = options;
  shorter.epochs = c.best_epoch;
  fit(temp / "best", shorter);
  CHECK(test::read_file(temp / "run/model/model.safetensors") ==
        test::read_file(temp / "best/last/model.safetensors"));
}

TEST_CASE("averaged weights are what is evaluated and saved, the trained ones are what goes on") {
  const TempDir temp;
  auto options = toy_options();
  options.epochs = 1;
  ToyExperiment plain_experiment, averaged_experiment;
  SilentProgress progress;
  const std::atomic<bool> stop = false;
  const auto start = plain_experiment.model().parameters()[0].detach().clone();
  options.max_steps = 1;
  fit(temp / "plain", options, plain_experiment, progress, stop);
  const auto trained = plain_experiment.model().parameters()[0].detach().clone();
  options.ema_decay = 0.75;
  fit(temp / "averaged", options, averaged_experiment, progress, stop);
  CHECK(at::allclose(averaged_experiment.model().parameters()[0], start * 0.75 + trained * 0.25));
  CHECK(test::read_file(temp / "averaged/last/model.safetensors") ==
        test::read_file(temp / "plain/last/model.safetensors"));
}

TEST_CASE("a gradient longer than clip_grad_norm is cut to it") {
  // Adam does not see the length of a first gradient, but eps does.
  const TempDir temp;
  auto options = toy_options();
  options.max_steps = 1;
  options.eps = 1.0;
  const auto moved = [&](const char* name, double limit, double scale) {
    ToyExperiment experiment({.loss_scale = scale});
    SilentProgress progress;
    const std::atomic<bool> stop = false;
    const auto before = experiment.model().parameters()[0].detach().clone();
    options.clip_grad_norm = limit;
    fit(temp / name, options, experiment, progress, stop);
    return (experiment.model().parameters()[0].detach() - before).norm().item<double>();
  };
  const double free = moved("free", 0.0, 100.0), clipped = moved("clipped", 0.01, 100.0),
               loose = moved("loose", 1e9, 100.0);
  CHECK(clipped < free / 10);
  CHECK(loose == free);
  CHECK(moved("longer", 0.01, 200.0) == Approx(clipped).epsilon(1e-3));
}

TEST_CASE(
    "a loss that is not finite ends the run and names the step; the weights before it are there to resume") {
  const TempDir temp;
  auto options = toy_options();
  CHECK_THROWS_WITH(fit(temp / "run", options, {.infinite_batch = 6}),
                    "step 7: the loss is inf, toy inf (try a smaller learning_rate or clip_grad_norm)");
  CHECK_THROWS_AS(fit(temp / "run", options, {.infinite_batch = 6}), SystemFailure);
  CHECK_NOTHROW(fit(temp / "run", options));
}

TEST_CASE("a validation that is not finite ends the run, named with its step, and is never the best") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const TempDir temp;
  CHECK_THROWS_WITH(
      fit(temp / "first", toy_options(), {.val = {nan}}),
      "step 4: mse of the validation split is nan (try a smaller learning_rate or clip_grad_norm)");
  CHECK_FALSE(std::filesystem::exists(temp / "first/model"));
  CHECK_FALSE(std::filesystem::exists(temp / "first/last"));
  CHECK_THROWS_AS(fit(temp / "later", toy_options(), {.val = {3, inf}}), SystemFailure);
  CHECK(test::read_file(temp / "later/metrics.jsonl").find("null") == std::string::npos);
  // What was saved before is good to go on from.
  const auto resumed = fit(temp / "later", toy_options(), {.val = {2, 1}});
  CHECK(resumed.best_epoch == 3);
  CHECK(resumed.epochs == 3);
}

TEST_CASE("a test error that is not finite is refused as well") {
  const TempDir temp;
  CHECK_THROWS_WITH(fit(temp / "run", toy_options(), {.test = std::numeric_limits<double>::quiet_NaN()}),
                    "step 12: mse of the test split is nan (try a smaller learning_rate or clip_grad_norm)");
}

TEST_CASE("a run cannot be resumed with less than it has done, whether it was finished or not") {
  auto options = toy_options();
  options.epochs = 5;
  options.save_every = 1;
  const TempDir temp;
  fit_interrupted(temp / "run", options, 14);  // in the fourth epoch
  const auto run = (temp / "run").string();
  const auto refuse = [&](const std::string& text) {
    CHECK_THROWS_WITH(fit(run, options), run + text);
    CHECK_THROWS_AS(fit(run, options), UsageError);
  };
  options.epochs = 3;
  refuse(": has begun 4 epochs, but training.epochs is 3 (give at least 4, or another folder with --out)");
  options.epochs = 5;
  options.max_steps = 13;
  refuse(
      ": has done 14 steps, but training.max_steps is 13 (give at least 14, or another folder with --out)");
  options.max_steps.reset();
  fit(run, options);
  options.epochs = 1;
  refuse(": has begun 5 epochs, but training.epochs is 1 (give at least 5, or another folder with --out)");
}

TEST_CASE("a run that was killed after an epoch is finished when it is given no more than that") {
  auto options = toy_options();
  options.epochs = 5;
  const TempDir temp;
  CHECK_THROWS(fit(temp / "run", options, {.failing_save = 2}));  // of the second epoch's model
  options.epochs = 1;
  const auto done = fit(temp / "run", options);
  CHECK(done.epochs == 1);
  CHECK(done.steps == 4);
  CHECK(std::isfinite(done.best_val.front().second));
  CHECK(lines_of(temp / "run/metrics.jsonl").back()["epoch"] == 1);
}

TEST_CASE("a state of another model or run is refused when resuming") {
  const TempDir temp;
  fit_interrupted(temp / "run", toy_options(), 2);
  auto options = toy_options();
  options.ema_decay = 0.5;
  CHECK_THROWS_AS(fit(temp / "run", options), CheckpointError);
  temp.write("run/last/training.json", "{\"state\": {\"step\": -1}, \"best_val\": {}}");
  CHECK_THROWS_AS(fit(temp / "run", toy_options()), ConfigError);
}

TEST_CASE("a random state of another kind is refused by name when resuming") {
  const TempDir temp;
  fit_interrupted(temp / "run", toy_options(), 2);
  const auto path = temp / "run/last/training.safetensors";
  const auto replacement = GENERATE(as<at::Tensor>{}, at::zeros({5056}, at::kFloat),
                                    at::zeros({7}, at::kByte), at::zeros({5056}, at::kByte));
  auto entries = runtime::open_tensors(path).entries();
  for (auto& [name, tensor] : entries) tensor = name == "random_state" ? replacement : tensor.clone();
  runtime::write_safetensors(path, entries, {});
  CHECK_THROWS_AS(fit(temp / "run", toy_options()), CheckpointError);
  CHECK_THROWS_WITH(fit(temp / "run", toy_options()),
                    ContainsSubstring("training.safetensors: random_state: "));
}

TEST_CASE("bf16 training keeps fp32 weights and learns") {
  const TempDir temp;
  auto options = toy_options();
  options.epochs = 8;
  options.patience = 0;
  const auto summary = fit(temp / "run", options, {}, at::kBFloat16);
  const auto lines = lines_of(temp / "run" / "metrics.jsonl");
  CHECK(summary.best_val.front().second < 0.8 * lines.at(1).at("val_mse").get<double>());
  for (const auto& [name, tensor] : runtime::open_tensors(temp / "run" / "model")) {
    INFO(name);
    CHECK(tensor.scalar_type() == at::kFloat);
  }
}
