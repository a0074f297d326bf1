#include "forecast/experiment.h"

#include <numeric>
#include <set>

#include "runtime/metrics.h"
#include "support/tiny_forecaster.h"

using namespace arzoo;
using forecast::ForecastExperiment;
using runtime::Split;
using test::hourly_table;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

ForecastExperiment experiment_of(const TempDir& temp, const Json& changes = Json::object(),
                                 int64_t rows = 200) {
  torch::manual_seed(3);
  const auto path = temp.write("train.csv", test::wide_csv(hourly_table(rows)));
  return ForecastExperiment(Config(test::tiny_config(path, changes), "tiny.json"), {});
}

double loss_of(ForecastExperiment& experiment, int64_t batch) {
  return experiment.loss(batch).total.item<double>();
}

}  // namespace

TEST_CASE("an incomplete batch is left out, unless it is the only one") {
  // 200 rows train on 140: 125 windows.
  const auto [batch_size, batches] =
      GENERATE(table<int64_t, int64_t>({{16, 7}, {125, 1}, {1000, 1}, {1, 125}}));
  const TempDir temp;
  auto experiment = experiment_of(temp, {{"training", {{"batch_size", batch_size}}}});
  CHECK(experiment.batches_per_epoch() == batches);
  CHECK(std::isfinite(loss_of(experiment, 0)));
}

TEST_CASE("a batch's loss depends on its number alone, in whatever order the batches are asked for") {
  const TempDir temp;
  auto experiment = experiment_of(temp);
  experiment.model().eval();
  std::vector<double> losses;
  for (int64_t batch = 0; batch < 20; ++batch) losses.push_back(loss_of(experiment, batch));
  for (const std::size_t batch : {19, 3, 4, 0, 12})
    CHECK(loss_of(experiment, int64_t(batch)) == losses[batch]);
  auto again = experiment_of(temp);
  again.model().eval();
  CHECK(loss_of(again, 12) == losses[12]);
}

TEST_CASE("epochs are shuffled, each in its own way, and so are seeds") {
  const TempDir temp;
  const auto sequence = [&](int64_t seed) {
    auto experiment = experiment_of(temp, {{"seed", seed}});
    experiment.model().eval();
    std::vector<double> losses;
    for (int64_t batch = 0; batch < 14; ++batch) losses.push_back(loss_of(experiment, batch));
    return losses;
  };
  const auto one = sequence(1), two = sequence(2);
  CHECK(std::set<double>(one.begin(), one.end()).size() == 14);
  CHECK(one != two);
}

TEST_CASE("the errors do not depend on the evaluation's batch size") {
  const auto batch_size = GENERATE(int64_t{1}, int64_t{7}, int64_t{1000});
  const TempDir temp;
  auto usual = experiment_of(temp),
       other = experiment_of(temp, {{"evaluation", {{"batch_size", batch_size}}}});
  for (const auto split : {Split::train, Split::val, Split::test}) {
    const auto expected = usual.evaluate(split), actual = other.evaluate(split);
    REQUIRE(actual.size() == 2);
    CHECK(actual[0].first == "mse");
    CHECK(actual[1].first == "mae");
    CHECK(actual[0].second == Approx(expected[0].second).epsilon(1e-6));
    CHECK(actual[1].second == Approx(expected[1].second).epsilon(1e-6));
  }
}

TEST_CASE("the errors are means over all windows, steps and scored variates, on scaled values") {
  const auto features = GENERATE("M", "MS");
  const TempDir temp;
  auto experiment = experiment_of(temp, {{"data", {{"features", features}}}});
  const auto metrics = experiment.evaluate(Split::test);
  std::vector<int64_t> all(experiment.data().windows(Split::test));
  std::iota(all.begin(), all.end(), int64_t{0});
  const auto batch = experiment.data().batch(Split::test, all);
  torch::NoGradGuard no_grad;
  auto& model = dynamic_cast<forecast::Forecaster&>(experiment.model());
  const auto difference =
      (forecast::scored_channels(model.forecast(batch), batch.target) - batch.target).to(at::kDouble);
  CHECK(metrics[0].second == Approx(difference.square().mean().item<double>()).epsilon(1e-5));
  CHECK(metrics[1].second == Approx(difference.abs().mean().item<double>()).epsilon(1e-5));
}

TEST_CASE("a split without windows has no errors") {
  const TempDir temp;
  auto experiment = experiment_of(temp, {{"data", {{"split", {{"train", 1.0}, {"test", 0.0}}}}}});
  CHECK(experiment.evaluate(Split::test).empty());
}

TEST_CASE("the test split is left alone when the config says so") {
  const TempDir temp;
  auto experiment = experiment_of(temp, {{"evaluation", {{"test", false}}}});
  CHECK(experiment.evaluate(Split::test).empty());
  CHECK(experiment.evaluate(Split::val).size() == 2);
}

TEST_CASE("the showcase has a chart for each of a few variates") {
  const TempDir temp;
  auto experiment = experiment_of(temp);
  experiment.evaluate(Split::val);
  const auto sections = experiment.showcase();
  REQUIRE(sections.size() == 1);
  CHECK(sections[0].content.size() == 3);
}

TEST_CASE("a loaded model has the weights and the conformal scores that were saved, not the last ones") {
  const TempDir temp;
  auto experiment = experiment_of(temp);
  const auto saved = [&](const std::string& name) {
    fs::create_directories(temp / name);
    experiment.save(temp / name);
    return std::pair(test::read_file(temp / name / "model.safetensors"),
                     test::read_file(temp / name / "conformal.safetensors"));
  };
  experiment.evaluate(Split::val);
  const auto best = saved("best");
  {
    torch::NoGradGuard no_grad;
    for (auto& parameter : experiment.model().parameters()) parameter.mul_(3.0);
  }
  experiment.evaluate(Split::val);
  const auto last = saved("last");
  REQUIRE(last.first != best.first);
  REQUIRE(last.second != best.second);
  experiment.load(temp / "best");
  const auto loaded = saved("loaded");
  CHECK(loaded.first == best.first);
  CHECK(loaded.second == best.second);
}

TEST_CASE("what was filled in the file is told") {
  const TempDir temp;
  auto text = test::wide_csv(hourly_table(200));
  const auto line = text.find("2020-01-02 05:00:00"), comma = text.find(',', line);
  text.erase(comma + 1, text.find(',', comma + 1) - comma - 1);
  const auto path = temp.write("gap.csv", text);
  CHECK_THROWS_AS(ForecastExperiment(Config(test::tiny_config(path), "tiny.json"), {}), DataError);
  const ForecastExperiment filled(
      Config(test::tiny_config(path, {{"data", {{"missing", "interpolate"}}}}), "tiny.json"), {});
  REQUIRE(filled.notes().size() == 1);
  CHECK(filled.notes()[0].find("1 missing cell in \"a\" interpolated") != std::string::npos);
}

TEST_CASE("filled cells are no truth: neither the errors nor the loss count them") {
  // Column c is missing from row 160 on, which are the test rows.
  auto csv = test::wide_csv(hourly_table(200));
  auto line = csv.find(io::DateFormat().format(test::hour_stamp(160)));
  for (auto end = csv.find('\n', line); end != std::string::npos; end = csv.find('\n', line)) {
    const auto cell = csv.rfind(',', end) + 1;
    csv.erase(cell, end - cell);
    line = cell + 1;
  }
  const TempDir temp;
  const Json changes{{"data", {{"missing", "ffill"}}}};
  torch::manual_seed(3);
  ForecastExperiment experiment(Config(test::tiny_config(temp.write("gap.csv", csv), changes), "tiny.json"),
                                {});
  const auto metrics = experiment.evaluate(Split::test);
  std::vector<int64_t> all(experiment.data().windows(Split::test));
  std::iota(all.begin(), all.end(), int64_t{0});
  const auto batch = experiment.data().batch(Split::test, all);
  torch::NoGradGuard no_grad;
  auto& model = dynamic_cast<forecast::Forecaster&>(experiment.model());
  const auto difference = (model.forecast(batch) - batch.target).narrow(2, 0, 2).to(at::kDouble);
  CHECK(metrics[0].second == Approx(difference.square().mean().item<double>()).epsilon(1e-5));
  CHECK(model.loss(batch).total.item<double>() == Approx(metrics[0].second).epsilon(1e-5));
}

TEST_CASE("a calibration split of its own makes the intervals, and the errors are the validation rows'") {
  const TempDir temp;
  const Json changes{{"data", {{"split", {{"calibration", 0.5}}}}}};
  auto whole = experiment_of(temp, Json::object(), 400), apart = experiment_of(temp, changes, 400);
  CHECK(apart.data().windows(Split::val) + apart.data().windows(Split::calibration) ==
        whole.data().windows(Split::val) - 3);
  CHECK(apart.evaluate(Split::test) == whole.evaluate(Split::test));
  CHECK(apart.evaluate(Split::val) != whole.evaluate(Split::val));
  const auto residuals_of = [&](ForecastExperiment& experiment, const std::string& name) {
    fs::create_directories(temp / name);
    experiment.save(temp / name);
    return forecast::ConformalScores::open(temp / name / "conformal.safetensors", experiment.data().shape());
  };
  const auto scores = residuals_of(apart, "apart");
  CHECK(scores.windows() == apart.data().windows(Split::calibration));
  std::vector<int64_t> all(apart.data().windows(Split::calibration));
  std::iota(all.begin(), all.end(), int64_t{0});
  const auto batch = apart.data().batch(Split::calibration, all);
  torch::NoGradGuard no_grad;
  const auto residuals =
      (dynamic_cast<forecast::Forecaster&>(apart.model()).forecast(batch) - batch.target).abs();
  CHECK(at::allclose(scores.residuals()[0], std::get<0>(residuals.max(0)), 1e-4, 1e-5));
  CHECK(residuals_of(whole, "whole").windows() == whole.data().windows(Split::val));
}
