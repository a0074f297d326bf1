#include "forecast/commands/backtest.h"

#include <cmath>

#include "support/forecast_runs.h"

using namespace arzoo;
using test::forecast_task;
using test::hourly_table;
using test::TempDir;
namespace fs = std::filesystem;

TEST_CASE("a backtest's numbers are those that its rows give") {
  const TempDir temp;
  const auto run = test::wide_run(temp);
  const auto input = hourly_table(60, {"a", "b", "c"}, 1000);
  auto task = forecast_task(run, {temp.write("new.csv", test::wide_csv(input))}, temp / "out.csv");
  task.backtest = 3;
  task.levels = {80};
  const auto [given, season] =
      GENERATE(table<std::optional<int64_t>, int64_t>({{std::nullopt, 24}, {int64_t{5}, 5}}));
  task.season = given;
  const auto score = test::forecast(task)["backtest"];
  const test::CsvRows rows(temp / "out.csv");
  CHECK(rows.table.column_names() ==
        std::vector<std::string>{"unique_id", "ds", "cutoff", "model", "y", "yhat", "lo-80", "hi-80"});
  REQUIRE(rows.table.rows() == 3 * 3 * test::kHorizon);
  CHECK(score["windows"] == 3);
  CHECK(score["rows"] == 36);

  // MASE divides by the mean distance of values a season apart, within what was known at the first cutoff.
  const auto naive = [&, season = season](std::size_t variate) {
    double sum = 0.0;
    for (std::size_t row = std::size_t(season); row < 48; ++row)
      sum += std::abs(input.at(row, variate) - input.at(row - std::size_t(season), variate));
    return sum / double(48 - season);
  };
  double squared = 0, absolute = 0, scaled = 0, symmetric = 0, covered = 0, absolute_of_b = 0;
  for (std::size_t row = 0; row < 36; ++row) {
    const double y = rows.number(row, "y"), yhat = rows.number(row, "yhat"), error = std::abs(yhat - y);
    const std::size_t variate = std::size_t(rows.text(row, "unique_id")[0] - 'a'),
                      known = 48 + row / 12 * test::kHorizon;
    CHECK(rows.text(row, "cutoff") == test::stamp_text(1000 + int64_t(known) - 1));
    CHECK(rows.text(row, "ds") == test::stamp_text(1000 + int64_t(known + row % test::kHorizon)));
    CHECK(y == input.at(known + row % test::kHorizon, variate));
    squared += error * error;
    absolute += error;
    scaled += error / naive(variate);
    symmetric += 200 * error / (std::abs(y) + std::abs(yhat));
    covered += rows.number(row, "lo-80") <= y && y <= rows.number(row, "hi-80") ? 1 : 0;
    if (variate == 1) absolute_of_b += error;
  }
  CHECK(score["mse"].get<double>() == Approx(squared / 36));
  CHECK(score["mae"].get<double>() == Approx(absolute / 36));
  CHECK(score["mase"].get<double>() == Approx(scaled / 36));
  CHECK(score["smape"].get<double>() == Approx(symmetric / 36));
  CHECK(score["coverage"]["80"].get<double>() == Approx(covered / 36));
  CHECK(score["series"]["b"]["mae"].get<double>() == Approx(absolute_of_b / 12));
  CHECK(score["series"]["b"]["season"] == season);
  CHECK(score["series"]["b"]["naive_mae"].get<double>() == Approx(naive(1)));
}

TEST_CASE("a backtest sees nothing of what it forecasts") {
  const TempDir temp;
  const auto run = test::wide_run(temp);
  auto table = hourly_table(60, {"a", "b", "c"}, 1000);
  auto task = forecast_task(run, {temp.write("new.csv", test::wide_csv(table))}, temp / "out.csv");
  task.backtest = 1;
  test::forecast(task);
  for (std::size_t i = 56 * 3; i < 60 * 3; ++i) table.values[i] = -1e6;
  task.inputs = {temp.write("changed.csv", test::wide_csv(table))};
  task.output = temp / "changed_out.csv";
  test::forecast(task);
  const test::CsvRows one(temp / "out.csv"), other(temp / "changed_out.csv");
  for (std::size_t row = 0; row < 12; ++row) CHECK(one.text(row, "yhat") == other.text(row, "yhat"));
}

TEST_CASE("a backtest fills gaps from what was known, and scores what was measured") {
  const TempDir temp;
  const auto run = test::wide_run(temp);
  const auto policy = GENERATE("ffill", "interpolate");
  // Column b lacks rows 54 to 57: two before the cut and the first two that are forecast.
  const auto input_of = [&](const std::string& name, double after) {
    auto table = hourly_table(60, {"a", "b", "c"}, 1000);
    for (std::size_t row = 58; row < 60; ++row) table.values[3 * row + 1] = after;
    auto csv = test::wide_csv(table);
    for (int64_t row = 54; row < 58; ++row) csv = test::without_cell(csv, test::stamp_text(1000 + row), 2);
    return temp.write(name, csv);
  };
  const auto forecast_of = [&](const fs::path& input, const fs::path& output) {
    auto task = forecast_task(run, {input}, output);
    task.backtest = 1;
    task.missing = policy;
    return test::forecast(task)["backtest"];
  };
  const auto score = forecast_of(input_of("gap.csv", 100), temp / "one.csv");
  forecast_of(input_of("gap.csv", -4000), temp / "other.csv");
  const test::CsvRows one(temp / "one.csv"), other(temp / "other.csv");
  for (std::size_t row = 0; row < 12; ++row) CHECK(one.text(row, "yhat") == other.text(row, "yhat"));
  CHECK(one.text(test::kHorizon, "y").empty());
  CHECK(one.text(test::kHorizon + 1, "y").empty());
  CHECK(one.number(test::kHorizon + 2, "y") == 100);
  CHECK(score["rows"] == 12);
  CHECK(score["scored"] == 10);
  CHECK(score["series"]["b"]["scored"] == 2);
  double absolute = 0;
  for (std::size_t row = test::kHorizon + 2; row < test::kHorizon + 4; ++row)
    absolute += std::abs(one.number(row, "yhat") - 100);
  CHECK(score["series"]["b"]["mae"].get<double>() == Approx(absolute / 2));
}

TEST_CASE("an exactly periodic series has no MASE, and a series without a measured target no errors") {
  const TempDir temp;
  const auto run = test::trained_run(temp, test::wide_csv(hourly_table(300, {"y"})));
  auto table = hourly_table(96, {"y"}, 1000);
  for (std::size_t row = 0; row < 96; ++row) table.values[row] = 50 + std::sin(2 * M_PI * double(row) / 24);
  auto csv = test::wide_csv(table);
  for (int64_t row = 92; row < 96; ++row) csv = test::without_cell(csv, test::stamp_text(1000 + row), 1);
  auto task = forecast_task(run, {temp.write("sine.csv", csv)}, temp / "out.csv");
  task.backtest = 2;
  task.missing = "ffill";
  auto score = test::forecast(task)["backtest"];
  CHECK(score["mase"].is_null());
  CHECK(score["series"]["y"]["naive_mae"].is_null());
  CHECK(score["mae"].is_number());
  task.backtest = 1;
  score = test::forecast(task)["backtest"];
  for (const char* error : {"mse", "mae", "mase", "smape"}) CHECK(score[error].is_null());
}

TEST_CASE("a backtest that reaches into training rows warns, into validation rows it says so") {
  const TempDir temp;
  const auto run = test::wide_run(temp);  // of 300 rows 210 train and 30 validate
  const auto said = [&](const fs::path& input, int64_t windows) {
    auto task = forecast_task(run, {input}, temp / "out.csv");
    task.backtest = windows;
    RecordingProgress progress;
    tasks::run_family_command(task, progress, test::kNeverStop);
    return std::pair(progress.warnings, progress.notes);
  };
  const auto train = temp / "train.csv";
  CHECK(said(train, 15) == std::pair(std::vector<std::string>{}, std::vector<std::string>{}));
  const auto [no_warnings, notes] = said(train, 16);
  CHECK(no_warnings.empty());
  REQUIRE(notes.size() == 1);
  CHECK_THAT(notes[0], ContainsSubstring("1 of 16 windows reach into " + test::stamp_text(0) + " to " +
                                         test::stamp_text(239)));
  const auto [warnings, no_notes] = said(train, 25);
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0], ContainsSubstring("3 of 25 windows reach into " + test::stamp_text(0) + " to " +
                                            test::stamp_text(209)));
  CHECK(no_notes.empty());
  // The same rows under another name, and later ones.
  CHECK(said(temp.write("renamed.csv", test::wide_csv(hourly_table(300))), 25).first.size() == 1);
  CHECK(said(test::input_file(temp), 5).first.empty());
}

TEST_CASE("a series too short for the backtest is named with the numbers") {
  const TempDir temp;
  auto task = forecast_task(test::wide_run(temp), {test::input_file(temp)}, temp / "out.csv");
  task.backtest = 13;
  CHECK_THROWS_WITH(
      test::forecast(task),
      ContainsSubstring("has 60 rows, --backtest 13 needs 64 (seq_len and those of the windows)"));
  CHECK_FALSE(fs::exists(temp / "out.csv"));
}
