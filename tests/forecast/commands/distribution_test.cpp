// Forecast distributions from the config to the file: training.loss, --level, --quantiles, --samples,
// --conformal.

#include <cmath>
#include <set>

#include "core/text_file.h"
#include "forecast/commands/forecast_stream.h"
#include "forecast/forecast_model.h"
#include "forecast/models.h"
#include "forecast/scores/forecast_scores.h"
#include "forecast/shape_check.h"
#include "registry/catalog.h"
#include "registry/registry.h"
#include "support/forecast_runs.h"

using namespace arzoo;
using test::forecast_task;
using test::hourly_table;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

fs::path run_with_loss(const TempDir& temp, const std::string& loss, const Json& changes = Json::object()) {
  Json all{{"training", {{"loss", loss}}}};
  all.merge_patch(changes);
  return test::trained_run(temp, test::wide_csv(hourly_table(300)), all);
}

/// Noise that is five times as large by day as by night, around a daily rhythm.
io::SeriesTable noisy_days(int64_t rows) {
  torch::manual_seed(11);
  const auto noise = at::randn({rows}, at::kDouble);
  auto table = hourly_table(rows, {"y"});
  for (int64_t row = 0; row < rows; ++row) {
    const bool day = row % 24 >= 12;
    table.values[std::size_t(row)] =
        3 * std::sin(2 * M_PI * double(row) / 24) + noise[row].item<double>() * (day ? 1.0 : 0.2);
  }
  return table;
}

/// Whether a model with these options does not take another loss.
bool has_its_own_loss(const Json& model) {
  bool found = false;
  const auto ask = [&](const auto& options) {
    using Options = std::decay_t<decltype(options)>;
    if (model.at("name") == Options::kName)
      found = forecast::has_own_loss(model_options<Options>(Config(model, "tiny.json")));
  };
  std::apply([&](const auto&... options) { (ask(options), ...); }, forecast::Models());
  return found;
}

struct GroupCoverage {
  double night = 0, day = 0, width = 0;
};

/// Share of a backtest's rows inside lo-80 … hi-80, by night and by day.
GroupCoverage coverage_of(const test::CsvRows& rows) {
  GroupCoverage share;
  double nights = 0, days = 0;
  for (std::size_t row = 0; row < rows.table.rows(); ++row) {
    const double y = rows.number(row, "y"), low = rows.number(row, "lo-80"), high = rows.number(row, "hi-80");
    const bool day = std::stoi(rows.text(row, "ds").substr(11, 2)) >= 12, inside = low <= y && y <= high;
    (day ? days : nights) += 1;
    (day ? share.day : share.night) += inside;
    share.width += (high - low) / double(rows.table.rows());
  }
  share.night /= nights;
  share.day /= days;
  return share;
}

}  // namespace

TEST_CASE("models with a loss of their own are these") {
  for (const char* name : {"time_moe", "gpht", "timae"}) CHECK(has_its_own_loss(Json{{"name", name}}));
  for (const char* name : {"itransformer", "patchtst", "autoformer"})
    CHECK_FALSE(has_its_own_loss(Json{{"name", name}}));
  CHECK_FALSE(has_its_own_loss(Json{{"name", "timae"}, {"head", "linear"}}));
}

TEST_CASE(
    "every trained forecaster learns distributions, and those with a loss of their own refuse by name") {
  const auto loss = GENERATE("quantile", "student_t", "normal", "huber");
  for (const auto& family : registry::family_cards()) {
    if (family.name != "forecast") continue;
    for (const auto& model : family.models) {
      INFO(model.name << " " << loss);
      const auto path = test::source_dir() / "configs/forecast" / (std::string(model.name) + "_tiny.json");
      const auto file = Config::load(path);
      Json config = file.json();
      config["training"]["loss"] = loss;
      const auto resolve = [&] {
        return plan::resolve_run_config(Config(config, "tiny.json"), path.parent_path());
      };
      if (has_its_own_loss(config["model"])) {
        CHECK_THROWS_WITH(resolve(), ContainsSubstring(fmt::format(
                                         "/training/loss: {} is trained by a loss of its own", model.name)));
        if (model.name != "timae") continue;
        config["model"]["head"] = "linear";
      }
      const Config run(resolve(), "tiny.json");
      runtime::seed(3);
      const auto experiment = registry::entry_of(run.at("model")).experiment(run, {});
      experiment->model().train();
      experiment->loss(0).total.backward();
      for (const auto& parameter : experiment->model().named_parameters()) {
        INFO(parameter.key());
        REQUIRE(parameter.value().grad().defined());
        CHECK(parameter.value().grad().isfinite().all().item<bool>());
      }
    }
  }
}

TEST_CASE("a learnt distribution covers night and day as it says, which one width for both cannot") {
  const TempDir temp;
  const auto csv = test::wide_csv(noisy_days(1500));
  const auto backtest_of = [&](const std::string& loss, GroupCoverage& coverage) {
    const auto run = temp / loss;
    test::train(test::tiny_config(
                    temp.write("train.csv", csv),
                    {{"data", {{"seq_len", 48}, {"label_len", 0}, {"pred_len", 24}}},
                     {"training",
                      {{"loss", loss}, {"epochs", 16}, {"learning_rate", 0.005}, {"lradj", "constant"}}}}),
                run);
    auto task = forecast_task(run, {temp / "train.csv"}, temp / (loss + ".csv"));
    task.backtest = 12;
    task.levels = {80};
    auto score = test::forecast(task)["backtest"];
    coverage = coverage_of(test::CsvRows(task.output));
    return score;
  };
  GroupCoverage constant;
  const auto point = backtest_of("mse", constant);
  CHECK(constant.night > 0.95);
  CHECK(constant.day < 0.75);
  for (const std::string loss : {"normal", "student_t", "quantile"}) {
    INFO(loss);
    GroupCoverage learnt;
    const auto score = backtest_of(loss, learnt);
    CHECK(learnt.night == Approx(0.8).margin(0.14));
    CHECK(learnt.day == Approx(0.8).margin(0.14));
    CHECK(score["crps"].get<double>() < 0.97 * point["crps"].get<double>());
    CHECK(score["wql"].get<double>() < 0.97 * point["wql"].get<double>());
  }
}

TEST_CASE("quantiles, intervals and paths of one forecast agree with one another") {
  const TempDir temp;
  const auto loss = GENERATE("quantile", "student_t", "normal", "mse");
  const auto run = run_with_loss(temp, loss);
  auto task = forecast_task(run, {test::input_file(temp)}, temp / "out.csv");
  task.levels = {80};
  task.quantiles = {0.1, 0.5, 0.9};
  task.samples = 400;
  test::forecast(task);
  const test::CsvRows rows(task.output);
  const auto names = rows.table.column_names();
  REQUIRE(names.size() == 4 + 2 + 3 + 400);
  CHECK(std::vector<std::string>(names.begin(), names.begin() + 10) ==
        std::vector<std::string>{"unique_id", "ds", "model", "yhat", "lo-80", "hi-80", "q-0.1", "q-0.5",
                                 "q-0.9", "sample-1"});
  for (std::size_t row = 0; row < rows.table.rows(); ++row) {
    CHECK(rows.number(row, "q-0.1") == Approx(rows.number(row, "lo-80")));
    CHECK(rows.number(row, "q-0.9") == Approx(rows.number(row, "hi-80")));
    CHECK(rows.number(row, "q-0.5") == Approx(rows.number(row, "yhat")));
    CHECK(rows.number(row, "q-0.1") <= rows.number(row, "q-0.5"));
    double inside = 0;
    for (int path = 1; path <= 400; ++path) {
      const double value = rows.number(row, fmt::format("sample-{}", path).c_str());
      inside += rows.number(row, "lo-80") <= value && value <= rows.number(row, "hi-80");
    }
    CHECK(inside / 400 == Approx(0.8).margin(0.08));
  }
}

TEST_CASE("paths are the seed's, whatever else is forecast and however many threads work") {
  const TempDir temp;
  const auto run = run_with_loss(temp, "student_t");
  const auto input = test::input_file(temp);
  const auto text_of = [&](int64_t seed, int64_t samples, int64_t threads) {
    auto task = forecast_task(run, {input}, temp / "out.csv");
    task.compute.seed = seed;
    task.compute.threads = threads;
    task.samples = samples;
    test::forecast(task);
    return read_text_file(task.output);
  };
  const auto text = text_of(1, 5, 1);
  CHECK(text_of(1, 5, 2) == text);
  CHECK(text_of(2, 5, 1) != text);
  text_of(1, 3, 1);
  const test::CsvRows fewer(temp / "out.csv");
  temp.write("all.csv", text);
  const test::CsvRows all(temp / "all.csv");
  for (std::size_t row = 0; row < all.table.rows(); ++row)
    CHECK(fewer.text(row, "sample-3") == all.text(row, "sample-3"));
  at::set_num_threads(1);
}

TEST_CASE("a horizon beyond the model's own widens what it has learnt") {
  const TempDir temp;
  auto task = forecast_task(run_with_loss(temp, "normal"), {test::input_file(temp)}, temp / "out.csv");
  task.levels = {80};
  task.horizon = 3 * test::kHorizon;
  test::forecast(task);
  const test::CsvRows rows(task.output);
  const auto width = [&](std::size_t step) {
    return rows.number(step, "hi-80") - rows.number(step, "lo-80");
  };
  for (std::size_t step = test::kHorizon; step < 3 * test::kHorizon; ++step)
    CHECK(width(step) > width(test::kHorizon - 1));
  CHECK(width(2 * test::kHorizon) > width(test::kHorizon));
}

TEST_CASE("a learnt distribution is calibrated on request") {
  const TempDir temp;
  const auto run = run_with_loss(temp, "quantile", {{"training", {{"quantiles", {0.2, 0.8}}}}});
  auto task = forecast_task(run, {test::input_file(temp)}, temp / "out.csv");
  task.levels = {80};
  CHECK_THROWS_WITH(
      test::forecast(task),
      ContainsSubstring("--level 80: itransformer forecasts quantiles from 0.2 to 0.8, this needs 0.1"));
  task.levels = {60};
  test::forecast(task);
  const auto learnt = read_text_file(task.output);
  task.conformal = "split";
  test::forecast(task);
  CHECK(read_text_file(task.output) != learnt);
  task.levels = {80};
  CHECK_NOTHROW(test::forecast(task));
  task.levels = {97};
  CHECK_THROWS_WITH(test::forecast(task), ContainsSubstring("27 calibration windows are too few"));
  // Over its own calibration windows an interval holds what it says.
  const auto model = forecast::ForecastModel::open(run, std::nullopt, {});
  CHECK(model.has_distribution());
  CHECK(model.possible_levels({50, 60, 80, 97}, false) == std::vector<double>{50, 60});
  CHECK(model.possible_levels({50, 60, 80, 97}, true) == std::vector<double>{50, 60, 80});
}

TEST_CASE("a backtest's scores of distributions are those that its rows give") {
  const TempDir temp;
  const auto loss = GENERATE("normal", "mse");
  auto task = forecast_task(run_with_loss(temp, loss), {test::input_file(temp)}, temp / "out.csv");
  task.backtest = 3;
  task.levels = {80};
  task.quantiles = forecast::DistributionScores::levels();
  const auto score = test::forecast(task)["backtest"];
  const test::CsvRows rows(task.output);
  double losses = 0, magnitudes = 0, width = 0, below = 0;
  for (std::size_t row = 0; row < rows.table.rows(); ++row) {
    const double y = rows.number(row, "y");
    magnitudes += std::abs(y);
    width += rows.number(row, "hi-80") - rows.number(row, "lo-80");
    below += y <= rows.number(row, "q-0.3");
    for (const double level : task.quantiles) {
      const double q = rows.number(row, fmt::format("q-{:g}", level).c_str());
      losses += 2 * std::abs((y - q) * ((y <= q ? 1.0 : 0.0) - level));
    }
  }
  const double cells = double(rows.table.rows());
  CHECK(score["wql"].get<double>() == Approx(losses / (9 * magnitudes)).epsilon(1e-4));
  CHECK(score["width"]["80"].get<double>() == Approx(width / cells));
  CHECK(score["below"]["0.3"].get<double>() == Approx(below / cells));
  // The score over all levels lies near the mean over nine of them.
  CHECK(score["crps"].get<double>() == Approx(losses / (9 * cells)).epsilon(0.15));
  CHECK(score["sql"].get<double>() > 0);
  CHECK(score["rmsse"].get<double>() > 0);
  CHECK(score["series"]["b"]["rmsse"].get<double>() > 0);
}

TEST_CASE("adaptive intervals come nearer to their level from window to window") {
  const TempDir temp;
  const auto run = test::trained_run(temp, test::wide_csv(hourly_table(300, {"y"})));
  // A series far noisier than the one that the model was calibrated on.
  torch::manual_seed(12);
  auto table = hourly_table(600, {"y"}, 1000);
  const auto noise = at::randn({600}, at::kDouble);
  for (std::size_t row = 0; row < 600; ++row) table.values[row] += 4 * noise[int64_t(row)].item<double>();
  auto task = forecast_task(run, {temp.write("noisy.csv", test::wide_csv(table))}, temp / "out.csv");
  task.backtest = 120;
  task.levels = {80};
  const auto coverage = [&](const char* conformal) {
    task.conformal = conformal;
    return test::forecast(task)["backtest"]["coverage"]["80"].get<double>();
  };
  const double split = coverage("split"), adaptive = coverage("adaptive");
  INFO(split << " " << adaptive);
  CHECK(split < 0.7);
  CHECK(adaptive > split + 0.05);
  // Interval columns are those asked for.
  CHECK(test::CsvRows(task.output).table.column_names().back() == "hi-80");
}

TEST_CASE("what a model cannot say is refused by name") {
  const TempDir temp;
  const auto run = test::wide_run(temp);
  auto task = forecast_task(run, {test::input_file(temp)}, temp / "out.csv");
  task.conformal = "none";
  CHECK_THROWS_WITH(test::forecast(task),
                    ContainsSubstring("--conformal none: itransformer forecasts points"));
  task.conformal = "";
  task.samples = 5000;
  task.horizon = 5000;
  CHECK_THROWS_WITH(test::forecast(task),
                    ContainsSubstring("--samples 5000 of 5000 steps are more than 2000000 numbers"));
  task.horizon = std::nullopt;
  const auto unvalidated = temp / "unvalidated";
  test::train(test::tiny_config(temp / "train.csv",
                                {{"data", {{"split", {{"train", 1.0}, {"test", 0.0}}}, {"pred_len", 20}}}}),
              unvalidated);
  task.model = unvalidated;
  CHECK_THROWS_WITH(test::forecast(task), ContainsSubstring("--samples: itransformer has no distribution"));
}

TEST_CASE("a stream answers with the quantiles") {
  const TempDir temp;
  const auto run = run_with_loss(temp, "normal");
  auto task = forecast_task(run, {}, "");
  task.levels = {80};
  task.quantiles = {0.1};
  const auto model = forecast::ForecastModel::open(run, std::nullopt, {});
  std::string line = R"({"ds": "2020-02-01 00:00:00", "values": [[1, 2, 3])";
  for (int row = 1; row < 12; ++row) line += ", [1, 2, 3]";
  const auto answer = forecast::ForecastStream(task, model, test::kHorizon).answer(line + "]}");
  CHECK(answer["q-0.1"] == answer["lo-80"]);
}

TEST_CASE("training says how good its distributions are") {
  const TempDir temp;
  const auto config = test::tiny_config(temp.write("train.csv", test::wide_csv(hourly_table(300))),
                                        {{"training", {{"loss", "quantile"}}}});
  const auto result = test::train(config, temp / "run");
  for (const char* name : {"crps", "wql", "mse", "mae", "coverage_80", "width_80"}) {
    CHECK(result["best"]["val"].contains(name));
    CHECK(result["test"].contains(name));
  }
  auto huber = config;
  huber["training"]["loss"] = "huber";
  CHECK(test::train(huber, temp / "huber")["test"].contains("huber"));
}
