#include <cmath>
#include <set>

#include "forecast/commands/forecast_stream.h"
#include "runtime/named_tensors.h"
#include "runtime/safetensors.h"
#include "support/forecast_runs.h"

using namespace arzoo;
using test::forecast_task;
using test::hourly_table;
using test::TempDir;
namespace fs = std::filesystem;

TEST_CASE("a forecast is a long file: each variate's steps ahead, with real stamps and ordered intervals") {
  const TempDir temp;
  auto task = forecast_task(test::wide_run(temp), {test::input_file(temp)}, temp / "out.csv");
  task.levels = {80, 95};
  const auto result = test::forecast(task);
  CHECK(result["series"] == 3);
  CHECK(result["rows"] == 3 * test::kHorizon);
  CHECK(result["horizon"] == test::kHorizon);
  const test::CsvRows rows(temp / "out.csv");
  CHECK(rows.table.column_names() ==
        std::vector<std::string>{"unique_id", "ds", "model", "yhat", "lo-80", "hi-80", "lo-95", "hi-95"});
  REQUIRE(rows.table.rows() == 3 * test::kHorizon);
  for (std::size_t row = 0; row < rows.table.rows(); ++row) {
    CHECK(rows.text(row, "unique_id") == std::string(1, char('a' + row / test::kHorizon)));
    CHECK(rows.text(row, "ds") == test::stamp_text(1060 + int64_t(row % test::kHorizon)));
    CHECK(rows.text(row, "model") == "itransformer");
    const double yhat = rows.number(row, "yhat");
    CHECK(rows.number(row, "lo-95") <= rows.number(row, "lo-80"));
    CHECK(rows.number(row, "lo-80") < yhat);
    CHECK(yhat < rows.number(row, "hi-80"));
    CHECK(rows.number(row, "hi-80") <= rows.number(row, "hi-95"));
    // In the units of the input: each variate near its own level.
    CHECK(yhat == Approx(50.0 * double(row / test::kHorizon + 1) + 10.0).margin(25.0));
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
  test::forecast(forecast_task(test::wide_run(temp), {temp.write("new.csv", text)}, temp / "out.csv"));
  CHECK(test::CsvRows(temp / "out.csv").text(0, "ds") == "03.01.2020 12:00");
}

TEST_CASE("a horizon of one's own is kept, shorter or longer than the model's") {
  const auto horizon = GENERATE(int64_t{1}, int64_t{3}, int64_t{11});
  const TempDir temp;
  auto task = forecast_task(test::wide_run(temp), {test::input_file(temp)}, temp / "out.csv");
  task.horizon = horizon;
  task.levels = {80};
  CHECK(test::forecast(task)["rows"] == 3 * horizon);
  const test::CsvRows rows(temp / "out.csv");
  CHECK(rows.text(std::size_t(horizon) - 1, "ds") == test::stamp_text(1060 + horizon - 1));
}

TEST_CASE("a forecast in 8 bits is near the one in full precision, and not the same") {
  const TempDir temp;
  auto task = forecast_task(test::wide_run(temp), {test::input_file(temp)}, temp / "full.csv");
  test::forecast(task);
  task.output = temp / "int8.csv";
  task.compute.quantize = "int8";
  test::forecast(task);
  const test::CsvRows full(temp / "full.csv"), rounded(temp / "int8.csv");
  REQUIRE(full.table.rows() == rounded.table.rows());
  double largest = 0.0;
  for (std::size_t row = 0; row < full.table.rows(); ++row)
    largest = std::max(largest, std::abs(full.number(row, "yhat") - rounded.number(row, "yhat")));
  CHECK(largest > 0.0);
  CHECK(largest < 1.0);  // of variates that swing by 10 and more
}

TEST_CASE("two files are forecast together, in the order given, and told apart by their names") {
  const TempDir temp;
  const auto run = test::wide_run(temp);
  const auto first = test::input_file(temp, "zurich.csv", 1000),
             second = test::input_file(temp, "athens.csv", 2000);
  test::forecast(forecast_task(run, {first, second}, temp / "both.csv"));
  test::forecast(forecast_task(run, {second}, temp / "second.csv"));
  const test::CsvRows both(temp / "both.csv"), alone(temp / "second.csv");
  REQUIRE(both.table.rows() == 6 * test::kHorizon);
  CHECK(both.text(0, "unique_id") == "zurich/a");
  CHECK(both.text(3 * test::kHorizon, "unique_id") == "athens/a");
  CHECK(both.text(5 * test::kHorizon, "unique_id") == "athens/c");
  CHECK(alone.text(0, "unique_id") == "a");
  for (std::size_t row = 0; row < 3 * test::kHorizon; ++row) {
    CHECK(both.text(3 * test::kHorizon + row, "ds") == alone.text(row, "ds"));
    CHECK(both.number(3 * test::kHorizon + row, "yhat") == Approx(alone.number(row, "yhat")).epsilon(1e-5));
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
  const auto run = test::trained_run(temp, test::long_csv({known}));
  const auto result = test::forecast(
      forecast_task(run, {temp.write("many.csv", test::long_csv(series))}, temp / "many_out.csv"));
  CHECK(result["series"] == kMany);
  const test::CsvRows rows(temp / "many_out.csv");
  REQUIRE(rows.table.rows() == kMany * test::kHorizon);
  for (const std::size_t i : {std::size_t{0}, std::size_t{511}, std::size_t{512}, kMany - 1}) {
    test::forecast(
        forecast_task(run, {temp.write("one.csv", test::long_csv({series[i]}))}, temp / "one_out.csv"));
    const test::CsvRows alone(temp / "one_out.csv");
    REQUIRE(alone.table.rows() == test::kHorizon);
    for (std::size_t step = 0; step < test::kHorizon; ++step) {
      const auto row = i * test::kHorizon + step;
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
  test::forecast(forecast_task(test::trained_run(temp, csv), {temp / "train.csv"}, temp / "out.csv"));
  const test::CsvRows rows(temp / "out.csv");
  REQUIRE(rows.table.rows() == 3 * test::kHorizon);
  const std::vector<std::string> ids{"zoo", "ant", "mid"},
      stamps{test::stamp_text(100), test::stamp_text(220), test::stamp_text(340)};
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(rows.text(i * test::kHorizon, "unique_id") == ids[i]);
    CHECK(rows.text(i * test::kHorizon, "ds") == stamps[i]);
  }
}

TEST_CASE("a chart is written for each variate of each file") {
  const TempDir temp;
  auto task =
      forecast_task(test::wide_run(temp),
                    {test::input_file(temp, "one.csv"), test::input_file(temp, "two.csv")}, temp / "out.csv");
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
  const auto run = test::wide_run(temp);
  const auto output = temp.write("out.csv", "yesterday's forecast\n");
  const auto bad =
      GENERATE(std::string(), std::string("date,a,b,c\n2020-01-01,1,x,3\n"), test::wide_csv(hourly_table(5)),
               test::wide_csv(hourly_table(60, {"a", "b", "wind"})));
  CHECK_THROWS_AS(
      test::forecast(forecast_task(run, {test::input_file(temp), temp.write("bad.csv", bad)}, output)),
      Error);
  CHECK_THROWS_AS(test::forecast(forecast_task(run, {test::input_file(temp), temp / "none.csv"}, output)),
                  Error);
  CHECK(test::read_file(output) == "yesterday's forecast\n");
}

TEST_CASE("an interrupted forecast writes nothing") {
  const TempDir temp;
  const std::atomic<bool> stop = true;
  SilentProgress progress;
  const auto task = forecast_task(test::wide_run(temp), {test::input_file(temp)}, temp / "out.csv");
  CHECK_THROWS_AS(tasks::run_family_command(task, progress, stop), Interrupted);
  CHECK_FALSE(fs::exists(temp / "out.csv"));
}

TEST_CASE("an empty cell is an error by default and filled only when asked, which is told") {
  const TempDir temp;
  const auto run = test::wide_run(temp);
  const auto gap = temp.write(
      "gap.csv",
      test::without_cell(test::wide_csv(hourly_table(60, {"a", "b", "c"}, 1000)), test::stamp_text(1055), 2));
  auto task = forecast_task(run, {gap}, temp / "out.csv");
  CHECK_THROWS_WITH(test::forecast(task), ContainsSubstring("gap.csv:57") && ContainsSubstring("\"b\""));
  for (const char* policy : {"ffill", "interpolate"}) {
    task.missing = policy;
    RecordingProgress progress;
    CHECK(tasks::run_family_command(task, progress, test::kNeverStop)["rows"] == 12);
    REQUIRE(progress.notes.size() == 1);
    CHECK(progress.notes[0].find("1 missing cell in \"b\"") != std::string::npos);
  }
}

TEST_CASE("a level that too few windows calibrate is refused before anything is read") {
  const TempDir temp;
  auto task = forecast_task(test::wide_run(temp), {temp / "none.csv"}, temp / "out.csv");
  task.levels = {80, 97};
  CHECK_THROWS_WITH(test::forecast(task),
                    ContainsSubstring("--level 97: 27 calibration windows are too few, expected 33"));
}

TEST_CASE("intervals need a model that has residuals to take them from") {
  const TempDir temp;
  const auto run =
      test::trained_run(temp, test::wide_csv(hourly_table(300)),
                        {{"data", {{"split", {{"train", 1.0}, {"test", 0.0}}}, {"pred_len", 20}}}});
  auto task = forecast_task(run, {test::input_file(temp)}, temp / "out.csv");
  task.levels = {80};
  CHECK_THROWS_WITH(test::forecast(task),
                    ContainsSubstring("has no validation residuals to take intervals from"));
  task.levels = {};
  CHECK_NOTHROW(test::forecast(task));
}

TEST_CASE("a dry run says what would be done and writes nothing") {
  const TempDir temp;
  auto task = forecast_task(test::wide_run(temp), {test::input_file(temp)}, temp / "out.csv");
  task.dry_run = true;
  task.horizon = 9;
  const auto plan = test::forecast(task)["plan"];
  CHECK(plan["model"] == "itransformer");
  CHECK(plan["rounds"] == 3);
  CHECK_FALSE(fs::exists(temp / "out.csv"));
}

TEST_CASE(
    "a model whose weights are not numbers forecasts nothing, which is said, and answers no line of a "
    "stream") {
  const TempDir temp;
  const auto run = test::wide_run(temp), weights = run / "model/model.safetensors";
  auto entries = runtime::open_tensors(weights).entries();
  for (auto& [name, tensor] : entries) tensor = at::full_like(tensor, std::nan(""));
  runtime::write_safetensors(weights, entries, {});
  const auto task = forecast_task(run, {test::input_file(temp)}, temp / "out.csv");
  CHECK_THROWS_AS(test::forecast(task), DataError);
  CHECK_THROWS_WITH(test::forecast(task),
                    ContainsSubstring("run: no forecast is a finite number (are the model's weights finite"));
  CHECK_FALSE(fs::exists(temp / "out.csv"));
  const auto model = forecast::ForecastModel::open(run, std::nullopt, {});
  std::string line = R"({"ds": "2020-02-01 00:00:00", "values": [[1, 2, 3])";
  for (int row = 1; row < 12; ++row) line += ", [1, 2, 3]";
  const auto answer = forecast::ForecastStream(task, model, test::kHorizon).answer(line + "]}");
  CHECK_THAT(answer.at("error").get<std::string>(),
             ContainsSubstring("stdin: /: the forecast is not finite"));
}
