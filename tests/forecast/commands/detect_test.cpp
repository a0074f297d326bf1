#include "forecast/commands/detect.h"

#include <cmath>
#include <set>

#include "core/seeded_random.h"
#include "support/forecast_runs.h"
#include "support/tasks.h"

using namespace arzoo;
using test::forecast_task;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

constexpr int64_t kDetectFirst = 2000, kDetectRows = 400;

const fs::path& detector_run() {
  static const TempDir temp;
  static const fs::path run = [] {
    const auto config = test::tiny_config(
        temp.write("train.csv", test::wide_csv(test::hourly_table(kDetectFirst, {"a", "b"}))),
        {{"data", {{"seq_len", 48}, {"label_len", 0}, {"pred_len", 12}}},
         {"training", {{"epochs", 12}, {"learning_rate", 0.003}, {"patience", 12}}}});
    test::train(config, temp / "run");
    return temp / "run";
  }();
  return run;
}

/// Rows at which the variate "a" is shifted by `size`.
const std::set<int64_t> kInjected{60, 61, 97, 150, 201, 202, 203, 277, 310, 399};

io::SeriesTable injected(double size) {
  auto table = test::hourly_table(kDetectRows, {"a", "b"}, kDetectFirst);
  for (const auto row : kInjected) table.values[row * 2] += row % 2 == 0 ? size : -size;
  return table;
}

plan::ForecastTask detect_task(const fs::path& input, const fs::path& output) {
  auto task = forecast_task(detector_run(), {input}, output);
  task.detect = true;
  return task;
}

}  // namespace

TEST_CASE("injected anomalies are found, with few false alarms") {
  const TempDir temp;
  const auto input = temp.write("in.csv", test::wide_csv(injected(15.0)));
  const auto result = test::forecast(detect_task(input, temp / "out.csv")).at("detect");
  CHECK(result.at("scored") == 2 * (kDetectRows - 48));
  const test::CsvRows rows(temp / "out.csv");
  std::size_t found = 0, false_alarms = 0;
  for (std::size_t row = 0; row < rows.table.rows(); ++row) {
    if (rows.table.cell(row, 7) != "1") continue;
    const auto stamp = rows.table.cell(row, 1);
    bool real = false;
    for (const auto hour : kInjected)
      real |= stamp == io::DateFormat().format(test::hour_stamp(kDetectFirst + hour));
    (real && rows.table.cell(row, 0) == "a" ? found : false_alarms) += 1;
  }
  CHECK(found == kInjected.size());
  // One in a hundred is the level's promise.
  CHECK(false_alarms <= 25);
  CHECK(result.at("anomalies") == found + false_alarms);
}

TEST_CASE("p-values of clean data are as rare as they say") {
  const TempDir temp;
  const auto input =
      temp.write("in.csv", test::wide_csv(test::hourly_table(kDetectRows, {"a", "b"}, kDetectFirst)));
  auto task = detect_task(input, temp / "out.csv");
  task.levels = {80};
  const auto result = test::forecast(task).at("detect");
  const double share = result.at("anomalies").get<double>() / result.at("scored").get<double>();
  CHECK(share > 0.05);
  CHECK(share < 0.4);
}

TEST_CASE("a model that has learnt distributions ranks the normal scores of the cells") {
  const auto loss = GENERATE("normal", "quantile");
  const TempDir temp;
  test::train(
      test::tiny_config(
          temp.write("train.csv", test::wide_csv(test::hourly_table(kDetectFirst, {"a", "b"}))),
          {{"data", {{"seq_len", 48}, {"label_len", 0}, {"pred_len", 12}}},
           {"training", {{"epochs", 12}, {"learning_rate", 0.003}, {"lradj", "constant"}, {"loss", loss}}}}),
      temp / "run");
  // The validation rows, which calibrate, and the window before them: what the level promises holds there.
  constexpr int64_t kBegin = kDetectFirst * 7 / 10, kRows = kDetectFirst / 10, kWindow = 48;
  auto task = forecast_task(temp / "run",
                            {temp.write("in.csv", test::wide_csv(test::hourly_table(
                                                      kRows + kWindow, {"a", "b"}, kBegin - kWindow)))},
                            temp / "out.csv");
  task.detect = true;
  // Beyond the quantiles that were learnt: the calibration says how rare it is.
  task.levels = {85};
  const auto result = test::forecast(task).at("detect");
  CHECK(result.at("scored") == 2 * kRows);
  const double share = result.at("anomalies").get<double>() / result.at("scored").get<double>();
  CHECK(share > 0.03);
  CHECK(share < 0.3);
}

TEST_CASE(
    "each known cell has a row: a forecast from before it, its residual and p-value; a missing one has "
    "none") {
  const TempDir temp;
  auto text = test::wide_csv(test::hourly_table(100, {"a", "b"}, kDetectFirst));
  const auto stamp = io::DateFormat().format(test::hour_stamp(kDetectFirst + 70));
  const auto line = text.find(stamp) + stamp.size();
  text.replace(line, text.find('\n', line) - line, ",,");
  auto task = detect_task(temp.write("in.csv", text), temp / "out.csv");
  task.missing = "interpolate";
  task.horizon = 5;
  test::forecast(task);
  const test::CsvRows rows(temp / "out.csv");
  REQUIRE(rows.table.rows() == 2 * 52);
  std::size_t empty = 0;
  for (std::size_t row = 0; row < rows.table.rows(); ++row) {
    const auto cell = [&](std::size_t column) { return std::string(rows.table.cell(row, column)); };
    if (cell(1) == stamp) {
      ++empty;
      for (const std::size_t column : {3, 5, 6, 7}) CHECK(cell(column).empty());
      continue;
    }
    CHECK(std::stod(cell(5)) == Approx(std::stod(cell(3)) - std::stod(cell(4))).margin(1e-9));
    const double p = std::stod(cell(6));
    CHECK((p > 0.0 && p <= 1.0));
    CHECK((cell(7) == "1") == (p <= 0.01 + 1e-9));
  }
  CHECK(empty == 2);
}

TEST_CASE("a series that is too short is named, and a horizon that was not calibrated refused") {
  const TempDir temp;
  const auto input = temp.write("in.csv", test::wide_csv(test::hourly_table(59, {"a", "b"}, kDetectFirst)));
  auto task = detect_task(input, temp / "out.csv");
  CHECK_THROWS_WITH(test::forecast(task), ContainsSubstring("has 59 rows, --detect needs 60"));
  task.horizon = 13;
  CHECK_THROWS_WITH(test::forecast(task), ContainsSubstring("at most 12 steps"));
}

TEST_CASE("a detector is scored on cells that are shifted for it: the larger, the surer they are found") {
  // Noise that a season ago tells nothing of: the unit of the shifts.
  const auto noisy = [](int64_t rows, int64_t first) {
    auto table = test::hourly_table(rows, {"a", "b"}, first);
    for (std::size_t i = 0; i < table.values.size(); ++i)
      table.values[i] += 12.0 * (uniform_of(7, uint64_t(first) * 2 + i) - 0.5);
    return test::wide_csv(table);
  };
  const TempDir temp;
  const auto config = test::tiny_config(
      temp.write("train.csv", noisy(kDetectFirst, 0)),
      {{"data", {{"seq_len", 48}, {"label_len", 0}, {"pred_len", 12}}},
       {"training", {{"epochs", 12}, {"learning_rate", 0.003}, {"lradj", "constant"}, {"patience", 12}}}});
  test::train(config, temp / "run");
  auto task =
      forecast_task(temp / "run", {temp.write("in.csv", noisy(kDetectRows, kDetectFirst))}, temp / "out.csv");
  task.detect = true;
  task.backtest = 12;
  const auto result = test::forecast(task).at("detect").at("injected");
  CHECK(result.at("cells") == 24);
  const auto& by_size = result.at("recall_by_size");
  CHECK(by_size.at("8").get<double>() >= by_size.at("2").get<double>());
  CHECK(by_size.at("8").get<double>() > 0.9);
  CHECK(result.at("false_alarm_rate").get<double>() < 0.1);
  CHECK(result.at("found").get<double>() / 24.0 == Approx(result.at("recall").get<double>()));
}
