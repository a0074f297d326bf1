#include <cmath>
#include <set>

#include "io/calendar.h"
#include "support/tasks.h"

using namespace arzoo;
using test::forecast_task;
using test::hourly_table;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

constexpr int64_t kHorizon = 4;

/// A run directory of a trained model of the variates a, b, c, or of long series of y.
fs::path trained(const TempDir& temp, const std::string& csv, const Json& changes = Json::object()) {
  test::train(test::tiny_config(temp.write("train.csv", csv), changes), temp / "run");
  return temp / "run";
}

fs::path wide_run(const TempDir& temp) { return trained(temp, test::wide_csv(hourly_table(300))); }

fs::path input_file(const TempDir& temp, const std::string& name = "new.csv", int64_t first = 1000) {
  return temp.write(name, test::wide_csv(hourly_table(60, {"a", "b", "c"}, first)));
}

/// Cells by column name, row by row.
struct Rows {
  io::CsvTable table;
  explicit Rows(const fs::path& path) : table(io::CsvTable::read(path)) {}
  std::string text(std::size_t row, const char* column) const {
    return std::string(table.cell(row, table.find(column).value()));
  }
  double number(std::size_t row, const char* column) const { return std::stod(text(row, column)); }
};

std::string stamp_text(int64_t hour) { return io::DateFormat().format(test::hour_stamp(hour)); }

/// `csv` without the cell of `column` at `stamp`, counted from 1.
std::string without_cell(std::string csv, const std::string& stamp, int column) {
  auto begin = csv.find(stamp);
  for (int i = 0; i < column; ++i) begin = csv.find(',', begin) + 1;
  return csv.erase(begin, csv.find_first_of(",\n", begin) - begin);
}

}  // namespace

TEST_CASE("a forecast is a long file: each variate's steps ahead, with real stamps and ordered intervals") {
  const TempDir temp;
  auto task = forecast_task(wide_run(temp), {input_file(temp)}, temp / "out.csv");
  task.levels = {80, 95};
  const auto result = test::forecast(task);
  CHECK(result["series"] == 3);
  CHECK(result["rows"] == 3 * kHorizon);
  CHECK(result["horizon"] == kHorizon);
  const Rows rows(temp / "out.csv");
  CHECK(rows.table.column_names() ==
        std::vector<std::string>{"unique_id", "ds", "model", "yhat", "lo-80", "hi-80", "lo-95", "hi-95"});
  REQUIRE(rows.table.rows() == 3 * kHorizon);
  for (std::size_t row = 0; row < rows.table.rows(); ++row) {
    CHECK(rows.text(row, "unique_id") == std::string(1, char('a' + row / kHorizon)));
    CHECK(rows.text(row, "ds") == stamp_text(1060 + int64_t(row % kHorizon)));
    CHECK(rows.text(row, "model") == "itransformer");
    const double yhat = rows.number(row, "yhat");
    CHECK(rows.number(row, "lo-95") <= rows.number(row, "lo-80"));
    CHECK(rows.number(row, "lo-80") < yhat);
    CHECK(yhat < rows.number(row, "hi-80"));
    CHECK(rows.number(row, "hi-80") <= rows.number(row, "hi-95"));
    // In the units of the input: each variate near its own level.
    CHECK(yhat == Approx(50.0 * double(row / kHorizon + 1) + 10.0).margin(25.0));
  }
}

TEST_CASE("stamps are written as the input writes them") {
  const TempDir temp;
  auto text = test::wide_csv(hourly_table(60));
  for (auto at = text.find("2020-"); at != std::string::npos; at = text.find("2020-", at)) {
    // 2020-01-02 03:00:00 → 02.01.2020 03:00
    text.replace(at, 19,
                 text.substr(at + 8, 2) + "." + text.substr(at + 5, 2) + ".2020 " + text.substr(at + 11, 5));
  }
  test::forecast(forecast_task(wide_run(temp), {temp.write("new.csv", text)}, temp / "out.csv"));
  CHECK(Rows(temp / "out.csv").text(0, "ds") == "03.01.2020 12:00");
}

TEST_CASE("a horizon of one's own is kept, shorter or longer than the model's") {
  const auto horizon = GENERATE(int64_t{1}, int64_t{3}, int64_t{11});
  const TempDir temp;
  auto task = forecast_task(wide_run(temp), {input_file(temp)}, temp / "out.csv");
  task.horizon = horizon;
  task.levels = {80};
  CHECK(test::forecast(task)["rows"] == 3 * horizon);
  const Rows rows(temp / "out.csv");
  CHECK(rows.text(std::size_t(horizon) - 1, "ds") == stamp_text(1060 + horizon - 1));
}

TEST_CASE("a forecast in 8 bits is near the one in full precision, and not the same") {
  const TempDir temp;
  auto task = forecast_task(wide_run(temp), {input_file(temp)}, temp / "full.csv");
  test::forecast(task);
  task.output = temp / "int8.csv";
  task.compute.quantize = "int8";
  test::forecast(task);
  const Rows full(temp / "full.csv"), rounded(temp / "int8.csv");
  REQUIRE(full.table.rows() == rounded.table.rows());
  double largest = 0.0;
  for (std::size_t row = 0; row < full.table.rows(); ++row)
    largest = std::max(largest, std::abs(full.number(row, "yhat") - rounded.number(row, "yhat")));
  CHECK(largest > 0.0);
  CHECK(largest < 1.0);  // of variates that swing by 10 and more
}

TEST_CASE("two files are forecast together, in the order given, and told apart by their names") {
  const TempDir temp;
  const auto run = wide_run(temp);
  const auto first = input_file(temp, "zurich.csv", 1000), second = input_file(temp, "athens.csv", 2000);
  test::forecast(forecast_task(run, {first, second}, temp / "both.csv"));
  test::forecast(forecast_task(run, {second}, temp / "second.csv"));
  const Rows both(temp / "both.csv"), alone(temp / "second.csv");
  REQUIRE(both.table.rows() == 6 * kHorizon);
  CHECK(both.text(0, "unique_id") == "zurich/a");
  CHECK(both.text(3 * kHorizon, "unique_id") == "athens/a");
  CHECK(both.text(5 * kHorizon, "unique_id") == "athens/c");
  CHECK(alone.text(0, "unique_id") == "a");
  for (std::size_t row = 0; row < 3 * kHorizon; ++row) {
    CHECK(both.text(3 * kHorizon + row, "ds") == alone.text(row, "ds"));
    CHECK(both.number(3 * kHorizon + row, "yhat") == Approx(alone.number(row, "yhat")).epsilon(1e-5));
  }
}

TEST_CASE("more series than are held at a time are forecast as each of them alone") {
  const TempDir temp;
  constexpr std::size_t kMany = 1100, kRows = 40;
  std::vector<io::SeriesTable> series;
  for (std::size_t i = 0; i < kMany; ++i) {
    series.push_back(hourly_table(kRows, {"y"}, int64_t(3 * i)));
    series.back().unique_id = "s" + std::to_string(i);
  }
  auto known = hourly_table(300, {"y"});
  known.unique_id = "known";
  const auto run = trained(temp, test::long_csv({known}));
  const auto result = test::forecast(
      forecast_task(run, {temp.write("many.csv", test::long_csv(series))}, temp / "many_out.csv"));
  CHECK(result["series"] == kMany);
  const Rows rows(temp / "many_out.csv");
  REQUIRE(rows.table.rows() == kMany * kHorizon);
  for (const std::size_t i : {std::size_t{0}, std::size_t{511}, std::size_t{512}, kMany - 1}) {
    test::forecast(
        forecast_task(run, {temp.write("one.csv", test::long_csv({series[i]}))}, temp / "one_out.csv"));
    const Rows alone(temp / "one_out.csv");
    REQUIRE(alone.table.rows() == kHorizon);
    for (std::size_t step = 0; step < kHorizon; ++step) {
      const auto row = i * kHorizon + step;
      CHECK(rows.text(row, "unique_id") == "s" + std::to_string(i));
      CHECK(rows.text(row, "ds") == alone.text(step, "ds"));
      CHECK(rows.number(row, "yhat") == Approx(alone.number(step, "yhat")));
    }
  }
}

TEST_CASE("the series of a long file keep their names and their order") {
  const TempDir temp;
  std::vector<io::SeriesTable> series;
  for (const char* id : {"zoo", "ant", "mid"}) {
    series.push_back(hourly_table(100 + 20 * int64_t(series.size()), {"y"}, 100 * int64_t(series.size())));
    series.back().unique_id = id;
  }
  const auto csv = test::long_csv(series);
  test::forecast(forecast_task(trained(temp, csv), {temp / "train.csv"}, temp / "out.csv"));
  const Rows rows(temp / "out.csv");
  REQUIRE(rows.table.rows() == 3 * kHorizon);
  const std::vector<std::string> ids{"zoo", "ant", "mid"},
      stamps{stamp_text(100), stamp_text(220), stamp_text(340)};
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(rows.text(i * kHorizon, "unique_id") == ids[i]);
    CHECK(rows.text(i * kHorizon, "ds") == stamps[i]);
  }
}

TEST_CASE("a backtest's numbers are those that its rows give") {
  const TempDir temp;
  const auto run = wide_run(temp);
  const auto input = hourly_table(60, {"a", "b", "c"}, 1000);
  auto task = forecast_task(run, {temp.write("new.csv", test::wide_csv(input))}, temp / "out.csv");
  task.backtest = 3;
  task.levels = {80};
  const auto [given, season] =
      GENERATE(table<std::optional<int64_t>, int64_t>({{std::nullopt, 24}, {int64_t{5}, 5}}));
  task.season = given;
  const auto score = test::forecast(task)["backtest"];
  const Rows rows(temp / "out.csv");
  CHECK(rows.table.column_names() ==
        std::vector<std::string>{"unique_id", "ds", "cutoff", "model", "y", "yhat", "lo-80", "hi-80"});
  REQUIRE(rows.table.rows() == 3 * 3 * kHorizon);
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
                      known = 48 + row / 12 * kHorizon;
    CHECK(rows.text(row, "cutoff") == stamp_text(1000 + int64_t(known) - 1));
    CHECK(rows.text(row, "ds") == stamp_text(1000 + int64_t(known + row % kHorizon)));
    CHECK(y == input.at(known + row % kHorizon, variate));
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
  const auto run = wide_run(temp);
  auto table = hourly_table(60, {"a", "b", "c"}, 1000);
  auto task = forecast_task(run, {temp.write("new.csv", test::wide_csv(table))}, temp / "out.csv");
  task.backtest = 1;
  test::forecast(task);
  for (std::size_t i = 56 * 3; i < 60 * 3; ++i) table.values[i] = -1e6;
  task.inputs = {temp.write("changed.csv", test::wide_csv(table))};
  task.output = temp / "changed_out.csv";
  test::forecast(task);
  const Rows one(temp / "out.csv"), other(temp / "changed_out.csv");
  for (std::size_t row = 0; row < 12; ++row) CHECK(one.text(row, "yhat") == other.text(row, "yhat"));
}

TEST_CASE("a backtest fills gaps from what was known, and scores what was measured") {
  const TempDir temp;
  const auto run = wide_run(temp);
  const auto policy = GENERATE("ffill", "interpolate");
  // Column b lacks rows 54 to 57: two before the cut and the first two that are forecast.
  const auto input_of = [&](const std::string& name, double after) {
    auto table = hourly_table(60, {"a", "b", "c"}, 1000);
    for (std::size_t row = 58; row < 60; ++row) table.values[3 * row + 1] = after;
    auto csv = test::wide_csv(table);
    for (int64_t row = 54; row < 58; ++row) csv = without_cell(csv, stamp_text(1000 + row), 2);
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
  const Rows one(temp / "one.csv"), other(temp / "other.csv");
  for (std::size_t row = 0; row < 12; ++row) CHECK(one.text(row, "yhat") == other.text(row, "yhat"));
  CHECK(one.text(kHorizon, "y").empty());
  CHECK(one.text(kHorizon + 1, "y").empty());
  CHECK(one.number(kHorizon + 2, "y") == 100);
  CHECK(score["rows"] == 12);
  CHECK(score["scored"] == 10);
  CHECK(score["series"]["b"]["scored"] == 2);
  double absolute = 0;
  for (std::size_t row = kHorizon + 2; row < kHorizon + 4; ++row)
    absolute += std::abs(one.number(row, "yhat") - 100);
  CHECK(score["series"]["b"]["mae"].get<double>() == Approx(absolute / 2));
}

TEST_CASE("an exactly periodic series has no MASE, and a series without a measured target no errors") {
  const TempDir temp;
  const auto run = trained(temp, test::wide_csv(hourly_table(300, {"y"})));
  auto table = hourly_table(96, {"y"}, 1000);
  for (std::size_t row = 0; row < 96; ++row) table.values[row] = 50 + std::sin(2 * M_PI * double(row) / 24);
  auto csv = test::wide_csv(table);
  for (int64_t row = 92; row < 96; ++row) csv = without_cell(csv, stamp_text(1000 + row), 1);
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
  const auto run = wide_run(temp);  // of 300 rows 210 train and 30 validate
  const auto said = [&](const fs::path& input, int64_t windows) {
    auto task = forecast_task(run, {input}, temp / "out.csv");
    task.backtest = windows;
    RecordingProgress progress;
    tasks::forecast(task, progress, test::kNeverStop);
    return std::pair(progress.warnings, progress.notes);
  };
  const auto train = temp / "train.csv";
  CHECK(said(train, 15) == std::pair(std::vector<std::string>{}, std::vector<std::string>{}));
  const auto [no_warnings, notes] = said(train, 16);
  CHECK(no_warnings.empty());
  REQUIRE(notes.size() == 1);
  CHECK_THAT(notes[0],
             ContainsSubstring("1 of 16 windows reach into " + stamp_text(0) + " to " + stamp_text(239)));
  const auto [warnings, no_notes] = said(train, 25);
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0],
             ContainsSubstring("3 of 25 windows reach into " + stamp_text(0) + " to " + stamp_text(209)));
  CHECK(no_notes.empty());
  // The same rows under another name, and later ones.
  CHECK(said(temp.write("renamed.csv", test::wide_csv(hourly_table(300))), 25).first.size() == 1);
  CHECK(said(input_file(temp), 5).first.empty());
}

TEST_CASE("a series too short for the backtest is named with the numbers") {
  const TempDir temp;
  auto task = forecast_task(wide_run(temp), {input_file(temp)}, temp / "out.csv");
  task.backtest = 13;
  CHECK_THROWS_WITH(test::forecast(task),
                    ContainsSubstring("has 60 rows, --backtest 13 needs 64 (seq_len + windows x horizon)"));
  CHECK_FALSE(fs::exists(temp / "out.csv"));
}

TEST_CASE("a chart is written for each variate of each file") {
  const TempDir temp;
  auto task = forecast_task(wide_run(temp), {input_file(temp, "one.csv"), input_file(temp, "two.csv")},
                            temp / "out.csv");
  task.plot = temp / "plots" / "new";
  const auto plots = test::forecast(task)["plots"];
  REQUIRE(plots.size() == 6);
  std::set<std::string> paths;
  for (const auto& path : plots) {
    paths.insert(path.get<std::string>());
    CHECK(test::read_file(path.get<std::string>()).find("</svg>") != std::string::npos);
  }
  CHECK(paths.size() == 6);
}

TEST_CASE("when something fails the output of an earlier run is untouched") {
  const TempDir temp;
  const auto run = wide_run(temp);
  const auto output = temp.write("out.csv", "yesterday's forecast\n");
  const auto bad =
      GENERATE(std::string(), std::string("date,a,b,c\n2020-01-01,1,x,3\n"), test::wide_csv(hourly_table(5)),
               test::wide_csv(hourly_table(60, {"a", "b", "wind"})));
  CHECK_THROWS_AS(test::forecast(forecast_task(run, {input_file(temp), temp.write("bad.csv", bad)}, output)),
                  Error);
  CHECK_THROWS_AS(test::forecast(forecast_task(run, {input_file(temp), temp / "none.csv"}, output)), Error);
  CHECK(test::read_file(output) == "yesterday's forecast\n");
}

TEST_CASE("an interrupted forecast writes nothing") {
  const TempDir temp;
  const std::atomic<bool> stop = true;
  SilentProgress progress;
  const auto task = forecast_task(wide_run(temp), {input_file(temp)}, temp / "out.csv");
  CHECK_THROWS_AS(tasks::forecast(task, progress, stop), Interrupted);
  CHECK_FALSE(fs::exists(temp / "out.csv"));
}

TEST_CASE("an empty cell is an error by default and filled only when asked, which is told") {
  const TempDir temp;
  const auto run = wide_run(temp);
  const auto gap = temp.write(
      "gap.csv", without_cell(test::wide_csv(hourly_table(60, {"a", "b", "c"}, 1000)), stamp_text(1055), 2));
  auto task = forecast_task(run, {gap}, temp / "out.csv");
  CHECK_THROWS_WITH(test::forecast(task), ContainsSubstring("gap.csv:57") && ContainsSubstring("\"b\""));
  for (const char* policy : {"ffill", "interpolate"}) {
    task.missing = policy;
    RecordingProgress progress;
    CHECK(tasks::forecast(task, progress, test::kNeverStop)["rows"] == 12);
    REQUIRE(progress.notes.size() == 1);
    CHECK(progress.notes[0].find("1 missing cell in \"b\"") != std::string::npos);
  }
}

TEST_CASE("a level that too few windows calibrate is refused before anything is read") {
  const TempDir temp;
  auto task = forecast_task(wide_run(temp), {temp / "none.csv"}, temp / "out.csv");
  task.levels = {80, 97};
  CHECK_THROWS_WITH(test::forecast(task),
                    ContainsSubstring("--level 97: 27 calibration windows are too few, expected 33"));
}

TEST_CASE("intervals need a model that has residuals to take them from") {
  const TempDir temp;
  const auto run = trained(temp, test::wide_csv(hourly_table(300)),
                           {{"data", {{"split", {{"train", 1.0}, {"test", 0.0}}}, {"pred_len", 20}}}});
  auto task = forecast_task(run, {input_file(temp)}, temp / "out.csv");
  task.levels = {80};
  CHECK_THROWS_WITH(test::forecast(task),
                    ContainsSubstring("has no validation residuals to take intervals from"));
  task.levels = {};
  CHECK_NOTHROW(test::forecast(task));
}

TEST_CASE("a dry run says what would be done and writes nothing") {
  const TempDir temp;
  auto task = forecast_task(wide_run(temp), {input_file(temp)}, temp / "out.csv");
  task.dry_run = true;
  task.horizon = 9;
  const auto plan = test::forecast(task)["plan"];
  CHECK(plan["model"] == "itransformer");
  CHECK(plan["rounds"] == 3);
  CHECK_FALSE(fs::exists(temp / "out.csv"));
}
