#include "forecast/commands/auto_forecast.h"

#include <cmath>
#include <set>

#include "support/forecast_runs.h"

using namespace arzoo;
using test::CsvRows;
using test::forecast_task;
using test::hourly_table;
using test::TempDir;

namespace {

plan::ForecastTask search_task(const TempDir& temp, const std::string& csv, double seconds) {
  auto task = forecast_task("", {temp.write("in.csv", csv)}, temp / "out.csv");
  task.keep = temp / "kept";
  task.horizon = 6;
  task.time_limit = seconds;
  return task;
}

const Json& row_of(const Json& leaderboard, const std::string& model) {
  for (const auto& row : leaderboard.at("models"))
    if (row.at("model") == model) return row;
  throw std::logic_error(model + " is not in the leaderboard");
}

}  // namespace

TEST_CASE("a baseline forecasts any file without training, with intervals and gaps") {
  const TempDir temp;
  const auto csv = test::without_cell(test::wide_csv(hourly_table(100)), test::stamp_text(40), 2);
  for (const char* name : {"seasonal_naive", "drift", "theta", "ets", "linear"}) {
    auto task = forecast_task(name, {temp.write("in.csv", csv)}, temp / "out.csv");
    task.horizon = 5;
    task.levels = {80};
    task.quantiles = {0.25};
    CHECK(test::forecast(task)["rows"] == 15);
    const CsvRows rows(temp / "out.csv");
    INFO(name);
    CHECK(rows.text(0, "model") == name);
    CHECK(rows.text(0, "ds") == test::stamp_text(100));
    for (std::size_t row = 0; row < 15; ++row) {
      CHECK(rows.number(row, "lo-80") <= rows.number(row, "q-0.25"));
      CHECK(rows.number(row, "q-0.25") <= rows.number(row, "yhat"));
      CHECK(rows.number(row, "yhat") <= rows.number(row, "hi-80"));
    }
  }
  auto task = forecast_task("theta", {temp / "in.csv"}, temp / "out.csv");
  CHECK_THROWS_WITH(test::forecast(task), ContainsSubstring("--horizon is required: theta"));
}

TEST_CASE("the season of a baseline is that of the stamps, or the one that is given") {
  const TempDir temp;
  auto task = forecast_task("seasonal_naive", {test::input_file(temp)}, temp / "out.csv");
  task.horizon = 30;
  test::forecast(task);
  const auto values = hourly_table(60, {"a", "b", "c"}, 1000);
  CHECK(CsvRows(temp / "out.csv").number(0, "yhat") == Approx(values.at(36, 0)).epsilon(1e-5));
  CHECK(CsvRows(temp / "out.csv").number(24, "yhat") == Approx(values.at(36, 0)).epsilon(1e-5));
  task.season = 2;
  test::forecast(task);
  CHECK(CsvRows(temp / "out.csv").number(0, "yhat") == Approx(values.at(58, 0)).epsilon(1e-5));
}

TEST_CASE("a backtest ranks the models on the same windows") {
  const TempDir temp;
  auto task = forecast_task(test::wide_run(temp), {test::input_file(temp)}, temp / "out.csv");
  task.backtest = 3;
  const auto alone = test::forecast(task)["backtest"];
  CHECK(alone["rows"] == 3 * 3 * test::kHorizon);
  CHECK(alone["leaderboard"]["models"].size() == 2);
  CHECK(alone["leaderboard"]["tasks"] == 9);
  CHECK(row_of(alone["leaderboard"], "seasonal_naive")["skill"] == 0.0);
  CHECK(row_of(alone["leaderboard"], "itransformer")["mase"] == alone["mase"]);
  task.against = {"theta", "seasonal_naive"};
  const auto compared = test::forecast(task)["backtest"];
  CHECK(compared["mase"] == alone["mase"]);
  CHECK(compared["rows"] == 3 * 3 * 3 * test::kHorizon);
  CHECK(compared["leaderboard"]["models"].size() == 3);
  std::set<std::string> models;
  const CsvRows rows(temp / "out.csv");
  for (std::size_t row = 0; row < rows.table.rows(); ++row) models.insert(rows.text(row, "model"));
  CHECK(models == std::set<std::string>{"itransformer", "seasonal_naive", "theta"});
}

TEST_CASE("windows may step by less than the horizon, where nothing needs them apart") {
  const TempDir temp;
  auto task = forecast_task("drift", {test::input_file(temp)}, temp / "out.csv");
  task.horizon = 6;
  task.backtest = 4;
  task.step = 2;
  CHECK(test::forecast(task)["backtest"]["windows"] == 4);
  const CsvRows rows(temp / "out.csv");
  CHECK(rows.text(0, "ds") == test::stamp_text(1060 - 6 - 3 * 2));
  CHECK(rows.text(rows.table.rows() - 1, "ds") == test::stamp_text(1059));
  task.plot = temp / "plots";
  CHECK_THROWS_WITH(test::forecast(task), ContainsSubstring("--step 2: windows that overlap"));
}

TEST_CASE("a search is never worse than the seasonal naive forecast, and leaves a model for later") {
  const TempDir temp;
  auto task = search_task(temp, test::wide_csv(hourly_table(240)), 4);
  task.levels = {80};
  const auto result = test::forecast(task);
  const auto& search = result["search"];
  const auto& leaderboard = search["leaderboard"];
  CHECK(row_of(leaderboard, "ensemble")["mase"].get<double>() <=
        row_of(leaderboard, "seasonal_naive")["mase"].get<double>());
  CHECK(row_of(leaderboard, "ensemble")["skill"].get<double>() > 0.15);
  double sum = 0.0;
  for (const auto& [name, weight] : search["weights"].items()) sum += weight.get<double>();
  CHECK(sum == Approx(1.0));
  const CsvRows first(temp / "out.csv");
  REQUIRE(first.table.rows() == 18);
  CHECK(first.text(0, "model") == "ensemble");
  CHECK(first.number(0, "lo-80") < first.number(0, "hi-80"));
  // The same model again, by its folder.
  auto again = forecast_task(temp / "kept", {temp / "in.csv"}, temp / "again.csv");
  test::forecast(again);
  const CsvRows second(temp / "again.csv");
  REQUIRE(second.table.rows() == 18);
  for (std::size_t row = 0; row < 18; ++row)
    CHECK(second.number(row, "yhat") == Approx(first.number(row, "yhat")).epsilon(1e-6));
  CHECK(std::filesystem::exists(temp / "kept" / "leaderboard.json"));
  CHECK(std::filesystem::exists(temp / "kept" / "report.html"));
}

TEST_CASE("a search holds windows out, and says what the ensemble is worth on them") {
  const TempDir temp;
  const auto result = test::forecast(search_task(temp, test::wide_csv(hourly_table(240)), 2));
  const auto& search = result["search"];
  CHECK(search["windows"] == 10);
  CHECK(search["chosen_on"]["windows"] == 7);
  CHECK(search["held_out"]["windows"] == 3);
  for (const char* part : {"chosen_on", "held_out"}) {
    const auto& errors = search[part];
    CHECK(errors["better_by"].get<double>() ==
          Approx(1.0 - errors["mase"].get<double>() / errors["seasonal_naive"].get<double>()));
  }
  CHECK_THAT(search["why"].get<std::string>(),
             ContainsSubstring("on the last 3 windows, which chose nothing"));
  CHECK(row_of(search["leaderboard"], "ensemble")["held_out"] == search["held_out"]["mase"]);
  // No level was asked for: there are intervals all the same.
  CHECK(CsvRows(temp / "out.csv").number(0, "lo-80") <= CsvRows(temp / "out.csv").number(0, "hi-80"));
}

TEST_CASE(
    "where the choice fails on the windows held out, it is never worse than seasonal_naive on all of them") {
  // A trend that others go on with, until the windows that are held out repeat the day before.
  const TempDir temp;
  auto table = hourly_table(240, {"a"});
  for (std::size_t row = 0; row < 240; ++row)
    table.values[row] =
        row < 222 ? std::sin(double(row % 24) * 0.2618) + double(row) : table.values[row - 24];
  const auto search = test::forecast(search_task(temp, test::wide_csv(table), 1))["search"];
  CHECK_THAT(search["why"].get<std::string>(), ContainsSubstring("all windows chose"));
  CHECK(search["chosen_on"]["windows"] == 10);
  CHECK(search["chosen_on"]["mase"].get<double>() <= search["chosen_on"]["seasonal_naive"].get<double>());
  const auto& models = search["leaderboard"];
  CHECK(row_of(models, "ensemble")["mase"].get<double>() <=
        row_of(models, "seasonal_naive")["mase"].get<double>() + 1e-12);
}

TEST_CASE("several models are candidates of a search") {
  const TempDir temp;
  const auto run = test::wide_run(temp);
  auto task = search_task(temp, test::wide_csv(hourly_table(120, {"a", "b", "c"}, 1000)), 30);
  task.model = run;
  task.against = {"theta", (temp / "nothing").string()};
  const auto search = test::forecast(task)["search"];
  CHECK(row_of(search["leaderboard"], run.string())["mase"].get<double>() > 0.0);
  CHECK(search["skipped"].contains((temp / "nothing").string()));
}

TEST_CASE("a series too short to compare models on is repeated, with a warning") {
  const TempDir temp;
  auto task = search_task(temp, test::wide_csv(hourly_table(7, {"a"})), 2);
  const auto result = test::forecast(task);
  CHECK(result["rows"] == 6);
  CHECK(result["search"]["windows"] == 0);
}

TEST_CASE("an ensemble whose weights do not sum to 1 is refused, and one of ensembles") {
  const TempDir temp;
  const auto open = [&](const std::string& members) {
    temp.write("bad/config.json",
               R"({"family": "forecast", "ensemble": {"horizon": 3, "members": [)" + members + "]}}");
    auto task = forecast_task(temp / "bad", {test::input_file(temp)}, temp / "out.csv");
    test::forecast(task);
  };
  CHECK_NOTHROW(open(R"({"model": "theta", "weight": 0.5}, {"model": "drift", "weight": 0.5})"));
  CHECK_THROWS_WITH(open(R"({"model": "theta", "weight": 0.5})"), ContainsSubstring("sum to 0.5"));
  CHECK_THROWS_WITH(open(R"({"model": "nothing", "weight": 1})"), ContainsSubstring("no such file"));
  CHECK_THROWS_AS(open(R"({"model": ".", "weight": 1})"), Error);
}
