#include "runtime/trainer.h"

#include <cmath>
#include <limits>
#include <utility>

#include "runtime/named_tensors.h"
#include "support/test.h"
#include "support/toy_runs.h"

using namespace arzoo;
using arzoo::test::TempDir;
using arzoo::test::ToyExperiment;

TEST_CASE("the log has the mean loss since the last line, the rate, and one line of validation an epoch") {
  const TempDir temp;
  test::fit(temp / "run", test::toy_options());
  const auto lines = test::lines_of(temp / "run" / "metrics.jsonl");
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
  auto options = test::toy_options();
  options.epochs = 2;
  options.accumulation_steps = 2;
  ToyExperiment experiment;
  SilentProgress progress;
  const std::atomic<bool> stop = false;
  CHECK(test::fit(temp / "run", options, experiment, progress, stop).steps == 4);
  CHECK(experiment.batches == std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("training stops after max_steps, within an epoch too, and validates there") {
  const auto max_steps = GENERATE(int64_t{1}, int64_t{4}, int64_t{6}, int64_t{100});
  const TempDir temp;
  auto options = test::toy_options();
  options.max_steps = max_steps;
  const auto summary = test::fit(temp / "run", options);
  CHECK(summary.steps == std::min<int64_t>(max_steps, 12));
  CHECK(summary.epochs == (summary.steps + 3) / 4);
  CHECK(test::lines_of(temp / "run" / "metrics.jsonl").back()["step"] == summary.steps);
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
  auto options = test::toy_options();
  options.epochs = 6;
  options.patience = c.patience;
  const auto summary = test::fit(temp / "run", options, {.val = c.val});
  CHECK(summary.epochs == c.epochs);
  CHECK(summary.best_epoch == c.best_epoch);
  CHECK(summary.best_val.front().second == c.val[c.best_epoch - 1]);

  auto shorter = options;
  shorter.epochs = c.best_epoch;
  test::fit(temp / "best", shorter);
  CHECK(test::read_file(temp / "run/model/model.safetensors") ==
        test::read_file(temp / "best/last/model.safetensors"));
}

TEST_CASE("averaged weights are what is evaluated and saved, the trained ones are what goes on") {
  const TempDir temp;
  auto options = test::toy_options();
  options.epochs = 1;
  ToyExperiment plain_experiment, averaged_experiment;
  SilentProgress progress;
  const std::atomic<bool> stop = false;
  const auto start = plain_experiment.model().parameters()[0].detach().clone();
  options.max_steps = 1;
  test::fit(temp / "plain", options, plain_experiment, progress, stop);
  const auto trained = plain_experiment.model().parameters()[0].detach().clone();
  options.ema_decay = 0.75;
  test::fit(temp / "averaged", options, averaged_experiment, progress, stop);
  CHECK(at::allclose(averaged_experiment.model().parameters()[0], start * 0.75 + trained * 0.25));
  CHECK(test::read_file(temp / "averaged/last/model.safetensors") ==
        test::read_file(temp / "plain/last/model.safetensors"));
}

TEST_CASE("a gradient longer than clip_grad_norm is cut to it") {
  // Adam does not see the length of a first gradient, but eps does.
  const TempDir temp;
  auto options = test::toy_options();
  options.max_steps = 1;
  options.eps = 1.0;
  const auto moved = [&](const char* name, double limit, double scale) {
    ToyExperiment experiment({.loss_scale = scale});
    SilentProgress progress;
    const std::atomic<bool> stop = false;
    const auto before = experiment.model().parameters()[0].detach().clone();
    options.clip_grad_norm = limit;
    test::fit(temp / name, options, experiment, progress, stop);
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
  auto options = test::toy_options();
  CHECK_THROWS_WITH(test::fit(temp / "run", options, {.infinite_batch = 6}),
                    "step 7: the loss is inf, toy inf (try a smaller learning_rate or clip_grad_norm)");
  CHECK_THROWS_AS(test::fit(temp / "run", options, {.infinite_batch = 6}), SystemFailure);
  CHECK_NOTHROW(test::fit(temp / "run", options));
}

TEST_CASE("a validation that is not finite ends the run, named with its step, and is never the best") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const TempDir temp;
  CHECK_THROWS_WITH(
      test::fit(temp / "first", test::toy_options(), {.val = {nan}}),
      "step 4: mse of the validation split is nan (try a smaller learning_rate or clip_grad_norm)");
  CHECK_FALSE(std::filesystem::exists(temp / "first/model"));
  CHECK_FALSE(std::filesystem::exists(temp / "first/last"));
  CHECK_THROWS_AS(test::fit(temp / "later", test::toy_options(), {.val = {3, inf}}), SystemFailure);
  CHECK(test::read_file(temp / "later/metrics.jsonl").find("null") == std::string::npos);
  // What was saved before is good to go on from.
  const auto resumed = test::fit(temp / "later", test::toy_options(), {.val = {2, 1}});
  CHECK(resumed.best_epoch == 3);
  CHECK(resumed.epochs == 3);
}

TEST_CASE("a test error that is not finite is refused as well") {
  const TempDir temp;
  CHECK_THROWS_WITH(
      test::fit(temp / "run", test::toy_options(), {.test = std::numeric_limits<double>::quiet_NaN()}),
      "step 12: mse of the test split is nan (try a smaller learning_rate or clip_grad_norm)");
}

TEST_CASE("bf16 training keeps fp32 weights and learns") {
  const TempDir temp;
  auto options = test::toy_options();
  options.epochs = 8;
  options.patience = 0;
  const auto summary = test::fit(temp / "run", options, {}, at::kBFloat16);
  const auto lines = test::lines_of(temp / "run" / "metrics.jsonl");
  CHECK(summary.best_val.front().second < 0.8 * lines.at(1).at("val_mse").get<double>());
  for (const auto& [name, tensor] : runtime::open_tensors(temp / "run" / "model")) {
    INFO(name);
    CHECK(tensor.scalar_type() == at::kFloat);
  }
}
