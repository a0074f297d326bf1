// Calendars and values as people have them, from the file through training to the forecast's rows.

#include <cmath>

#include "support/forecast_runs.h"
#include "support/tasks.h"

using namespace arzoo;
using test::forecast_task;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

using Strings = std::vector<std::string>;

constexpr int kEdgeRows = 90;

/// A wide file of one variate, "y".
std::string edge_file(const Strings& stamps, const std::function<double(int)>& value) {
  io::CsvText csv;
  csv.cell("date").cell("y").end_row();
  for (std::size_t i = 0; i < stamps.size(); ++i)
    csv.cell(stamps[i]).cell(value(static_cast<int>(i))).end_row();
  return csv.text();
}

double ripple(int row) { return 10.0 + 3.0 * std::sin(row * 0.7) + row % 5; }

/// `rows` stamps from `first` on, a step of `frequency` apart, written by `pattern`.
Strings edge_stamps(const std::string& frequency, io::Timestamp first, const std::string& pattern,
                    int rows = kEdgeRows) {
  const io::DateFormat format(pattern);
  const auto step = io::parse_frequency(frequency);
  Strings all;
  for (int i = 0; i < rows; ++i) all.push_back(format.format(io::advance(first, step, i)));
  return all;
}

/// Trains on the file and forecasts it: the columns `name` of the output.
struct EdgeRun {
  TempDir temp;
  fs::path output;

  explicit EdgeRun(const std::string& csv, const Json& changes = Json::object()) {
    const auto input = temp.write("in.csv", csv);
    test::train(test::tiny_config(input, changes), temp / "run");
    output = temp / "out.csv";
    test::forecast(forecast_task(temp / "run", {input}, output));
  }
  Strings cells(const std::string& name) const {
    const auto table = io::CsvTable::read(output);
    Strings all;
    for (std::size_t row = 0; row < table.rows(); ++row) all.emplace_back(table.cell(row, *table.find(name)));
    return all;
  }
  std::vector<double> values() const {
    std::vector<double> all;
    for (const auto& cell : cells("yhat")) all.push_back(std::stod(cell));
    return all;
  }
};

}  // namespace

TEST_CASE("hours go on where daylight saving time begins or ends within the file, in the last row's zone") {
  // Europe/Berlin: 2021-03-28 02:00 +01:00 is 03:00 +02:00; 2021-10-31 03:00 +02:00 is 02:00 +01:00.
  const auto [change, before, after, last] = GENERATE(table<io::Timestamp, int, int, Strings>(
      {{io::to_timestamp({2021, 3, 28, 1, 0, 0}),
        1,
        2,
        {"2021-03-30T00:00:00+02:00", "2021-03-30T01:00:00+02:00"}},
       {io::to_timestamp({2021, 10, 31, 1, 0, 0}),
        2,
        1,
        {"2021-11-01T23:00:00+01:00", "2021-11-02T00:00:00+01:00"}}}));
  const io::DateFormat format("Y-m-dTH:M:S");
  Strings all;
  for (int i = 0; i < kEdgeRows; ++i) {
    const int64_t utc = change.seconds + (i - 45) * int64_t{3600};
    const int hours = i < 45 ? before : after;
    all.push_back(fmt::format("{}+0{}:00", format.format({utc + hours * 3600}), hours));
  }
  const auto ds = EdgeRun(edge_file(all, ripple)).cells("ds");
  CHECK(Strings(ds.begin(), ds.begin() + 2) == last);
}

TEST_CASE("business days skip the weekend") {
  const auto ds =
      EdgeRun(edge_file(edge_stamps("B", io::to_timestamp({2020, 1, 1}), "Y-m-d", 93), ripple)).cells("ds");
  // The last row is Friday 2020-05-08.
  CHECK(ds == Strings{"2020-05-11", "2020-05-12", "2020-05-13", "2020-05-14"});
}

TEST_CASE("months keep their day, and month ends stay month ends through February") {
  const auto [frequency, first, expected] = GENERATE(table<std::string, io::Timestamp, Strings>({
      {"M", io::to_timestamp({2012, 5, 15}), {"2019-11-15", "2019-12-15", "2020-01-15", "2020-02-15"}},
      {"ME", io::to_timestamp({2012, 7, 31}), {"2020-01-31", "2020-02-29", "2020-03-31", "2020-04-30"}},
  }));
  CHECK(EdgeRun(edge_file(edge_stamps(frequency, first, "Y-m-d"), ripple)).cells("ds") == expected);
}

TEST_CASE("weeks, quarters and years go on as they are written") {
  const auto [frequency, first, pattern, expected] =
      GENERATE(table<std::string, io::Timestamp, std::string, Strings>({
          {"W",
           io::to_timestamp({2020, 1, 5}),
           "Y-m-d",
           {"2021-09-26", "2021-10-03", "2021-10-10", "2021-10-17"}},
          {"Q", io::to_timestamp({2000, 1, 1}), "Y-Qq", {"2022-Q3", "2022-Q4", "2023-Q1", "2023-Q2"}},
          {"Q", io::to_timestamp({2002, 1, 1}), "YQq", {"2024Q3", "2024Q4", "2025Q1", "2025Q2"}},
          {"QE",
           io::to_timestamp({2000, 3, 31}),
           "Y-m-d",
           {"2022-09-30", "2022-12-31", "2023-03-31", "2023-06-30"}},
          {"Y", io::to_timestamp({1930, 1, 1}), "Y", {"2020", "2021", "2022", "2023"}},
          {"YE",
           io::to_timestamp({1930, 12, 31}),
           "Y-m-d",
           {"2020-12-31", "2021-12-31", "2022-12-31", "2023-12-31"}},
      }));
  CHECK(EdgeRun(edge_file(edge_stamps(frequency, first, pattern), ripple)).cells("ds") == expected);
}

TEST_CASE("a clock without a zone skips an hour in spring and repeats one in autumn") {
  // Europe/Berlin: 2021-03-28 02:00 is missing; 2021-10-31 02:00 stands twice.
  const TempDir temp;
  const auto file = [](io::Timestamp change, int hours) {
    const io::DateFormat format("Y-m-d H:M");
    Strings all;
    for (int i = 0; i < kEdgeRows; ++i)
      all.push_back(format.format({change.seconds + (i - 45 + (i < 45 ? 0 : hours)) * int64_t{3600}}));
    return edge_file(all, ripple);
  };
  const auto spring = file(io::to_timestamp({2021, 3, 28, 2, 0, 0}), 1);
  const auto last_of_autumn = file(io::to_timestamp({2021, 10, 31, 3, 0, 0}), -1);
  const Json interpolated{{"data", {{"missing", "interpolate"}}}};
  CHECK_THROWS_WITH(EdgeRun(spring), ContainsSubstring("missing"));
  CHECK(EdgeRun(spring, interpolated).cells("ds").front() == "2021-03-30 00:00");
  CHECK_THROWS_WITH(
      EdgeRun(last_of_autumn),
      ContainsSubstring("the stamp 2021-10-31 02:00 repeats line 46") &&
          ContainsSubstring("data.resample combines the rows of an hour in which the clock was set back"));
  CHECK(EdgeRun(last_of_autumn, {{"data", {{"resample", "1h:mean"}}}}).cells("ds").front() ==
        "2021-11-01 23:00");
}

TEST_CASE("a series without any value is named, alone and among others") {
  const auto stamps = edge_stamps("D", io::to_timestamp({2020, 1, 1}), "Y-m-d");
  std::string wide = "date,y\n", many = "unique_id,ds,y\n";
  for (const auto& stamp : stamps) wide += stamp + ",\n";
  for (int i = 0; i < kEdgeRows; ++i) many += fmt::format("full,{},{}\n", stamps[i], ripple(i));
  for (const auto& stamp : stamps) many += "empty," + stamp + ",\n";
  CHECK_THROWS_WITH(EdgeRun(wide), ContainsSubstring("in.csv:2: column \"y\" holds no value at all"));
  CHECK_THROWS_WITH(EdgeRun(many),
                    ContainsSubstring("column \"y\" holds no value at all (leave the series out, or list"));
}

TEST_CASE("negative, huge and tiny values are forecast in their own size") {
  const auto scale = GENERATE(-1.0, -1e12, 1e30, -1e30, 1e150, -1e-150);
  const auto value = [scale = scale](int row) { return scale * ripple(row); };
  const EdgeRun run(edge_file(edge_stamps("D", io::to_timestamp({2020, 1, 1}), "Y-m-d"), value));
  for (const double yhat : run.values()) {
    CHECK(yhat / scale > 0.0);
    CHECK(yhat / scale < 40.0);
  }
}

TEST_CASE("a constant series is forecast as that constant, nearly") {
  const auto level = GENERATE(0.0, 7.0, -1e6);
  const EdgeRun run(edge_file(edge_stamps("D", io::to_timestamp({2020, 1, 1}), "Y-m-d"),
                              [level = level](int) { return level; }));
  for (const double yhat : run.values()) CHECK(std::abs(yhat - level) < 2.0);
}

TEST_CASE("of many series the one that is shorter than the window is named, or left out where asked") {
  TempDir temp;
  std::string text = "unique_id,ds,y\n";
  for (const auto& [name, rows] : {std::pair("long one", 60), std::pair("short one", 11)}) {
    for (int row = 0; row < rows; ++row)
      text += fmt::format("{},{},{}\n", name,
                          edge_stamps("D", io::to_timestamp({2020, 1, 1}), "Y-m-d", 60)[row], ripple(row));
  }
  const auto input = temp.write("long.csv", text);
  const auto train =
      temp.write("train.csv", edge_file(edge_stamps("D", io::to_timestamp({2020, 1, 1}), "Y-m-d"), ripple));
  test::train(test::tiny_config(train), temp / "run");
  auto task = forecast_task(temp / "run", {input}, temp / "out.csv");
  CHECK_THROWS_WITH(test::forecast(task),
                    ContainsSubstring(R"(series "short one" has 11 rows, expected at least 12)"));
  CHECK_FALSE(fs::exists(temp / "out.csv"));
  task.skip_short = true;
  const auto result = test::forecast(task);
  CHECK(result.at("skipped") == Json{"short one"});
  CHECK(result.at("series") == 1);
}

TEST_CASE("a folder or a pattern of files trains and is forecast as a long file of the same series") {
  TempDir temp;
  fs::create_directory(temp / "parts");
  auto whole =
      std::vector<io::SeriesTable>{test::hourly_table(120, {"y"}), test::hourly_table(140, {"y"}, 24)};
  for (std::size_t i = 0; i < whole.size(); ++i) {
    whole[i].unique_id = fmt::format("s{}", i);
    temp.write(fmt::format("parts/part{}.csv", i), test::long_csv({whole[i]}));
  }
  temp.write("parts/readme.txt", "no series");
  const auto joined = temp.write("joined.csv", test::long_csv(whole));
  const auto trained = [&](const fs::path& path, const std::string& run) {
    test::train(test::tiny_config(path), temp / run);
    test::forecast(forecast_task(temp / run, {joined}, temp / (run + ".csv")));
    return test::read_file(temp / (run + ".csv"));
  };
  const auto expected = trained(joined, "a");
  CHECK(trained(temp / "parts", "b") == expected);
  CHECK(trained(temp / "parts" / "part?.csv", "c") == expected);
}

TEST_CASE("two files of a folder with a series of one name are an error of training") {
  TempDir temp;
  fs::create_directory(temp / "parts");
  for (const char* name : {"parts/a.csv", "parts/b.csv"})
    temp.write(name, test::long_csv({test::hourly_table(120, {"y"})}));
  CHECK_THROWS_WITH(test::train(test::tiny_config(temp / "parts"), temp / "run"),
                    ContainsSubstring("expected distinct names"));
}

TEST_CASE("a model trained on resampled rows resamples what it forecasts, unless told otherwise") {
  TempDir temp;
  io::CsvText csv;
  csv.cell("date").cell("y").end_row();
  const io::DateFormat format;
  for (int i = 0; i < 600; ++i) {
    const io::Timestamp stamp{test::hour_stamp(0).seconds + i * 700 + i * i % 11};
    csv.cell(format.format(stamp)).cell(ripple(i / 5)).end_row();
  }
  const auto input = temp.write("events.csv", csv.text());
  const Json changes{{"data", {{"resample", "1h:mean"}}}};
  test::train(test::tiny_config(input, changes), temp / "run");
  const auto result = test::forecast(forecast_task(temp / "run", {input}, temp / "out.csv"));
  CHECK(result.at("rows") == 4);
  // The last event is in the hour from 20:00 of the fifth day.
  CHECK(test::CsvRows(temp / "out.csv").table.cell(0, 1) == "2020-01-05 21:00:00");
  auto longer = forecast_task(temp / "run", {input}, temp / "longer.csv");
  longer.resample = "2h:max";
  test::forecast(longer);
  CHECK(test::CsvRows(temp / "longer.csv").table.cell(1, 1) == "2020-01-06 00:00:00");
  auto clash = test::tiny_config(input, {{"data", {{"resample", "1h:mean"}, {"freq", "h"}}}});
  CHECK_THROWS_AS(test::train_task(clash, temp / "clash"), ConfigError);
}
