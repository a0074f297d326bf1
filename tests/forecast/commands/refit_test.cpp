#include "forecast/commands/refit.h"

#include "support/forecast_runs.h"

using namespace arzoo;
using test::CsvRows;
using test::forecast_task;
using test::hourly_table;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

plan::ForecastTask refit_task(const fs::path& run, const fs::path& input, const fs::path& output,
                              int64_t every) {
  auto task = forecast_task(run, {input}, output);
  task.backtest = 3;
  task.refit = every;
  return task;
}

/// A long file of two series.
std::string two_series(int64_t rows, int64_t first) {
  auto a = hourly_table(rows, {"y"}, first), b = hourly_table(rows, {"y"}, first + 5);
  a.unique_id = "a";
  b.unique_id = "b";
  b.stamps = a.stamps;
  return test::long_csv({a, b});
}

std::vector<std::string> forecasts_in(const fs::path& file, std::size_t rows) {
  const CsvRows all(file);
  std::vector<std::string> found;
  for (std::size_t row = 0; row < rows; ++row) found.push_back(all.text(row, "yhat"));
  return found;
}

}  // namespace

TEST_CASE("a refit sees nothing of what is forecast") {
  const TempDir temp;
  const auto run = test::wide_run(temp);
  auto table = hourly_table(120, {"a", "b", "c"}, 1000);
  test::forecast(refit_task(run, temp.write("new.csv", test::wide_csv(table)), temp / "out.csv", 1));
  // Other values in the last window: the two before it stay as they were, its own too.
  for (std::size_t i = (120 - test::kHorizon) * 3; i < 120 * 3; ++i) table.values[i] = -1e6;
  test::forecast(
      refit_task(run, temp.write("changed.csv", test::wide_csv(table)), temp / "changed_out.csv", 1));
  CHECK(forecasts_in(temp / "out.csv", 36) == forecasts_in(temp / "changed_out.csv", 36));
  // Other values in the second window change what the third is forecast from, nothing before.
  for (std::size_t i = (120 - 2 * test::kHorizon) * 3; i < (120 - test::kHorizon) * 3; ++i)
    table.values[i] = 50;
  test::forecast(
      refit_task(run, temp.write("changed.csv", test::wide_csv(table)), temp / "changed_out.csv", 1));
  CHECK(forecasts_in(temp / "out.csv", 24) == forecasts_in(temp / "changed_out.csv", 24));
}

TEST_CASE("a backtest says when each model was fitted") {
  const TempDir temp;
  const auto run = test::wide_run(temp);
  const auto input = temp.write("new.csv", test::wide_csv(hourly_table(120, {"a", "b", "c"}, 1000)));
  const auto fitted = [&](int64_t every) {
    return test::forecast(refit_task(run, input, temp / "out.csv", every))["backtest"]["fitted"];
  };
  const auto last_known = [](int64_t window) { return test::stamp_text(1120 - window * test::kHorizon - 1); };
  CHECK(fitted(2)["itransformer"] == Json{last_known(3), last_known(1)});
  CHECK(fitted(1)["itransformer"].size() == 3);
  CHECK(fitted(0)["itransformer"] == "before the backtest");
  CHECK(fitted(0)["seasonal_naive"] == "at each window");
  auto task = forecast_task(run, {input}, temp / "out.csv");
  task.backtest = 3;
  CHECK_FALSE(test::forecast(task)["backtest"].contains("fitted"));
}

TEST_CASE("a refitted model is the one that its config trains on the rows before the window") {
  const TempDir temp;
  const auto run = test::trained_run(temp, two_series(200, 0));
  const auto input = temp.write("new.csv", two_series(120, 1000));
  auto task = refit_task(run, input, temp / "out.csv", 3);
  const auto result = test::forecast(task)["backtest"];
  CHECK(result["fitted"]["itransformer"].size() == 1);
  // The same by hand: its training rows are the first 120 - 3 windows.
  const auto known = two_series(120 - 3 * test::kHorizon, 1000);
  auto config = Json::parse(test::read_file(run / "config.json"));
  config["data"]["path"] = temp.write("known.csv", known).string();
  config["data"]["split"] = {{"kind", "ratio"}, {"train", 0.7 / (0.7 + (1.0 - 0.7 - 0.2))}, {"test", 0.0}};
  test::train(config, temp / "by_hand");
  auto by_hand = forecast_task(temp / "by_hand", {temp / "known.csv"}, temp / "by_hand.csv");
  test::forecast(by_hand);
  const CsvRows first(temp / "out.csv"), expected(temp / "by_hand.csv");
  for (std::size_t row = 0; row < test::kHorizon; ++row)
    CHECK(first.number(row, "yhat") == Approx(expected.number(row, "yhat")).epsilon(1e-5));
}

TEST_CASE("a model whose training cannot be repeated on the rows is refused") {
  const TempDir temp;
  const auto run = test::wide_run(temp);
  const auto input = temp.write("new.csv", test::wide_csv(hourly_table(24, {"a", "b", "c"}, 1000)));
  // Twelve rows are known before the first window: no training window fits into them.
  CHECK_THROWS_WITH(test::forecast(refit_task(run, input, temp / "out.csv", 1)),
                    ContainsSubstring("--refit: itransformer on the rows to"));
}

TEST_CASE("the training of a run directory is found by it and by its model folder") {
  const TempDir temp;
  const auto run = test::wide_run(temp);
  CHECK(forecast::training_config(run).value()["model"]["name"] == "itransformer");
  CHECK(forecast::training_config(run / "model").has_value());
  CHECK_FALSE(forecast::training_config("seasonal_naive").has_value());
  CHECK_FALSE(forecast::training_config(temp / "nothing").has_value());
}
