#include <array>
#include <ctime>

#include "core/text_file.h"
#include "io/series_parts.h"
#include "support/tasks.h"

using namespace arzoo;
using test::forecast_task;
using test::hourly_table;
using test::TempDir;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kStepsAhead = 4;

fs::path run_of(const TempDir& temp, const std::string& csv, const Json& changes = Json::object()) {
  test::train(test::tiny_config(temp.write("train.csv", csv), changes), temp / "run");
  return temp / "run";
}

/// A run of long series of one variate, "y".
fs::path long_run(const TempDir& temp) {
  auto known = hourly_table(300, {"y"});
  known.unique_id = "known";
  return run_of(temp, test::long_csv({known}));
}

io::SeriesTable named_table(const std::string& id, int64_t rows, const std::string& variate = "y") {
  auto table = hourly_table(rows, {variate});
  table.unique_id = id;
  return table;
}

/// The unique_id of each series of an output, in order.
std::vector<std::string> ids_in(const fs::path& output) {
  const auto table = io::CsvTable::read(output);
  std::vector<std::string> ids;
  for (std::size_t row = 0; row < table.rows(); row += kStepsAhead) ids.emplace_back(table.cell(row, 0));
  return ids;
}

std::string replaced_all(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("files with a series of one name are all told apart by their names, and no two ids are equal") {
  const TempDir temp;
  const auto run = run_of(temp, test::wide_csv(hourly_table(300, {"a", "b"})));
  const auto csv = test::wide_csv(hourly_table(60, {"a", "b"}));
  for (const char* folder : {"x", "y"}) fs::create_directory(temp / folder);
  const auto [names, expected] = GENERATE(table<Ids, Ids>({
      {{"w.csv", "v.csv"}, {"w/a", "w/b", "v/a", "v/b"}},
      {{"x/w.csv", "y/w.csv"}, {"x/w/a", "x/w/b", "y/w/a", "y/w/b"}},
      {{"x/w.csv", "y/w.csv", "y/v.csv"}, {"x/w/a", "x/w/b", "y/w/a", "y/w/b", "y/v/a", "y/v/b"}},
  }));
  std::vector<fs::path> inputs;
  for (const auto& name : names) inputs.push_back(temp.write(name, csv));
  test::forecast(forecast_task(run, inputs, temp / "out.csv"));
  CHECK(ids_in(temp / "out.csv") == expected);
}

TEST_CASE("the same file twice, plain and packed, still gives different ids") {
  const TempDir temp;
  const auto run = run_of(temp, test::wide_csv(hourly_table(300, {"a"})));
  const auto csv = test::wide_csv(hourly_table(60, {"a"}));
  const auto plain = temp.write("w.csv", csv), packed = temp.write("w.csv.gz", csv);
  test::forecast(forecast_task(run, {plain, packed, plain}, temp / "out.csv"));
  const auto ids = ids_in(temp / "out.csv");
  CHECK(ids == Ids{plain.string() + "/a", packed.string() + "/a", plain.string() + "/a#2"});
}

TEST_CASE("a long file of more than one part may be in the order of time") {
  const TempDir temp;
  const auto run = long_run(temp);
  constexpr std::size_t kSeries = 20, kRows = 30;
  // Names so long that few rows are more than one part.
  const std::string name(io::SeriesParts::kPartBytes / (kSeries * kRows / 2), 'n');
  std::vector<io::SeriesTable> series;
  for (std::size_t i = 0; i < kSeries; ++i)
    series.push_back(named_table(fmt::format("{}{}", name, i), kRows));
  std::string by_time = "unique_id,ds,y\n";
  for (std::size_t row = 0; row < kRows; ++row) {
    for (const auto& table : series)
      by_time += fmt::format("{},{},{}\n", table.unique_id, table.date_format.format(table.stamps[row]),
                             table.at(row, 0));
  }
  test::forecast(forecast_task(run, {temp.write("by_time.csv", by_time)}, temp / "by_time_out.csv"));
  test::forecast(
      forecast_task(run, {temp.write("by_series.csv", test::long_csv(series))}, temp / "by_series_out.csv"));
  const test::CsvRows by_day(temp / "by_time_out.csv"), together(temp / "by_series_out.csv");
  REQUIRE(by_day.table.rows() == kSeries * kStepsAhead);
  REQUIRE(together.table.rows() == by_day.table.rows());
  for (std::size_t row = 0; row < by_day.table.rows(); ++row) {
    const bool same_id = by_day.text(row, "unique_id") == together.text(row, "unique_id");
    CHECK(same_id);
    CHECK(by_day.text(row, "ds") == together.text(row, "ds"));
    CHECK(by_day.number(row, "yhat") == Approx(together.number(row, "yhat")).epsilon(1e-5));
  }
}

TEST_CASE("a series that is called as another one's covariate is numbered") {
  const TempDir temp;
  std::string csv = "unique_id,ds,y,temp\n";
  const auto table = hourly_table(80, {"y", "temp"});
  for (const char* id : {"a", "a/temp"}) {
    for (std::size_t row = 0; row < table.rows(); ++row)
      csv += fmt::format("{},{},{},{}\n", id, table.date_format.format(table.stamps[row]), table.at(row, 0),
                         table.at(row, 1));
  }
  const auto run = run_of(temp, csv);
  test::forecast(forecast_task(run, {temp / "train.csv"}, temp / "out.csv"));
  CHECK(ids_in(temp / "out.csv") == Ids{"a", "a/temp", "a/temp#2", "a/temp/temp"});
}

TEST_CASE("a short series among many is named with what to do, or left out with a warning") {
  const TempDir temp;
  const auto run = long_run(temp);
  const auto csv = temp.write("many.csv", test::long_csv({named_table("long", 60), named_table("tiny", 5),
                                                          named_table("one", 1), named_table("other", 60)}));
  auto task = forecast_task(run, {csv}, temp / "out.csv");
  CHECK_THROWS_WITH(test::forecast(task), ContainsSubstring("series \"one\": one row shows no frequency"));
  task.freq = "h";
  CHECK_THROWS_WITH(test::forecast(task),
                    ContainsSubstring("series \"tiny\" has 5 rows, expected at least") &&
                        ContainsSubstring("--skip-short"));
  task.skip_short = true;
  task.freq = GENERATE("", "h");
  RecordingProgress progress;
  const auto result = tasks::run_family_command(task, progress, test::kNeverStop);
  CHECK(result["skipped"].size() == 2);
  CHECK(ids_in(temp / "out.csv") == Ids{"long", "other"});
  REQUIRE(progress.warnings.size() == 1);
  CHECK_THAT(progress.warnings[0],
             ContainsSubstring("left out 2 series of fewer than") && ContainsSubstring("\"tiny\""));
}

TEST_CASE("a series that is too short is padded with its first row on request, as one might by hand") {
  const TempDir temp;
  const auto run = long_run(temp);
  auto tiny = named_table("tiny", 5), padded = named_table("tiny", 12);
  for (std::size_t row = 0; row < 12; ++row) padded.values[row] = tiny.values[row < 7 ? 0 : row - 7];
  const auto shift = padded.stamps[7].seconds - tiny.stamps[0].seconds;
  for (auto& stamp : padded.stamps) stamp.seconds -= shift;
  auto task = forecast_task(run, {temp.write("tiny.csv", test::long_csv({tiny}))}, temp / "out.csv");
  task.pad_short = true;
  RecordingProgress progress;
  const auto result = tasks::run_family_command(task, progress, test::kNeverStop);
  CHECK(result["padded"] == Json{"tiny"});
  REQUIRE(progress.notes.size() == 1);
  CHECK_THAT(progress.notes[0], ContainsSubstring("tiny: 5 rows, padded to 12 with copies of the first one"));
  const auto found = test::read_file(temp / "out.csv");
  task.pad_short = false;
  task.inputs = {temp.write("padded.csv", test::long_csv({padded}))};
  test::forecast(task);
  CHECK(found == test::read_file(temp / "out.csv"));
  // What a backtest scores must be there.
  task.pad_short = true;
  task.backtest = 2;
  task.inputs = {temp / "tiny.csv"};
  CHECK_THROWS_WITH(test::forecast(task),
                    ContainsSubstring("series \"tiny\" has 5 rows, expected at least 9"));
  task.backtest = 1;
  CHECK(test::forecast(task)["backtest"]["scored"] == 4);
}

TEST_CASE("a backtest leaves out the series that are too short for it") {
  const TempDir temp;
  const auto csv =
      temp.write("many.csv", test::long_csv({named_table("long", 100), named_table("short", 20)}));
  auto task = forecast_task(long_run(temp), {csv}, temp / "out.csv");
  task.skip_short = true;
  task.backtest = 3;
  CHECK(test::forecast(task)["backtest"]["series"].size() == 1);
}

TEST_CASE("where every series is short nothing is written") {
  const TempDir temp;
  const auto csv = temp.write("many.csv", test::long_csv({named_table("tiny", 5), named_table("one", 1)}));
  auto task = forecast_task(long_run(temp), {csv}, temp / "out.csv");
  task.skip_short = true;
  CHECK_THROWS_WITH(test::forecast(task), ContainsSubstring("--skip-short: leaves no series"));
  CHECK_FALSE(fs::exists(temp / "out.csv"));
}

TEST_CASE("columns, dates and the series' names are found where the options say") {
  const TempDir temp;
  const auto run = run_of(temp, test::wide_csv(hourly_table(300, {"a", "b"})));
  auto text = test::wide_csv(hourly_table(60, {"a", "b", "remark"}));
  text = replaced_all(text, "date,", "when,");
  auto task = forecast_task(run, {temp.write("new.csv", text)}, temp / "out.csv");
  CHECK_THROWS_WITH(test::forecast(task), ContainsSubstring("not trained on the variate \"remark\"") &&
                                              ContainsSubstring("--columns"));
  task.columns = {"a", "b"};
  task.date = "when";
  CHECK(test::forecast(task)["series"] == 2);
  task.date = "wen";
  CHECK_THROWS_WITH(test::forecast(task), ContainsSubstring("no column \"wen\" (did you mean \"when\"?)"));
}

TEST_CASE("the column of the series' names may be called otherwise, in training and later") {
  const TempDir temp;
  const auto csv =
      replaced_all(test::long_csv({named_table("A", 300), named_table("B", 300)}), "unique_id", "symbol");
  const auto run = run_of(temp, csv, {{"data", {{"id", "symbol"}}}});
  auto task = forecast_task(run, {temp / "train.csv"}, temp / "out.csv");
  test::forecast(task);
  CHECK(ids_in(temp / "out.csv") == Ids{"A", "B"});
  task.id = "symbl";
  CHECK_THROWS_WITH(test::forecast(task),
                    ContainsSubstring("no column \"symbl\" (did you mean \"symbol\"?)"));
  task.format = "wide";
  CHECK_THROWS_WITH(test::forecast(task), ContainsSubstring("--id: names the series of a long file"));
}

TEST_CASE("an output that ends in .gz is compressed and says the same") {
  const TempDir temp;
  const auto run = long_run(temp);
  const auto input = temp.write("new.csv", test::long_csv({named_table("a", 60)}));
  test::forecast(forecast_task(run, {input}, temp / "out.csv"));
  test::forecast(forecast_task(run, {input}, temp / "out.csv.gz"));
  const auto packed = test::read_file(temp / "out.csv.gz");
  CHECK(packed.substr(0, 2) == "\x1f\x8b");
  CHECK(read_text_file(temp / "out.csv.gz") == test::read_file(temp / "out.csv"));
}

TEST_CASE("a time zone and everyday ways to write dates come back as they went in") {
  const TempDir temp;
  const auto run = run_of(temp, test::wide_csv(hourly_table(300, {"a"})));
  const auto [pattern, next] = GENERATE(table<std::string, std::string>({
      {"%Y-%m-%dT%H:%M:%S+02:00", "2020-01-03T12:00:00+02:00"},
      {"%Y-%m-%d %H:%M:%S UTC", "2020-01-03 12:00:00 UTC"},
      {"%Y%m%d%H", "2020010312"},
      {"%d-%b-%Y %H:%M", "03-Jan-2020 12:00"},
      {"%m/%d/%Y %I:%M %p", "01/03/2020 12:00 PM"},
  }));
  const auto known = hourly_table(60, {"a"});
  std::string csv = "date,a\n";
  for (std::size_t row = 0; row < known.rows(); ++row) {
    const std::time_t seconds = known.stamps[row].seconds;
    std::array<char, 64> stamp;
    std::strftime(stamp.data(), stamp.size(), pattern.c_str(), std::gmtime(&seconds));
    csv += fmt::format("{},{}\n", stamp.data(), known.at(row, 0));
  }
  test::forecast(forecast_task(run, {temp.write("new.csv", csv)}, temp / "out.csv"));
  const auto rows = io::CsvTable::read(temp / "out.csv");
  CHECK(rows.cell(0, rows.find("ds").value()) == next);
}

TEST_CASE(
    "a chart of a very long id has a short name, and the rows are written whatever befalls the charts") {
  const TempDir temp;
  const auto run = long_run(temp);
  const std::string id(300, 'x');
  const auto csv =
      temp.write("new.csv", test::long_csv({named_table(id + "1", 60), named_table(id + "2", 60)}));
  auto task = forecast_task(run, {csv}, temp / "out.csv");
  task.plot = temp / "plots";
  const auto plots = test::forecast(task)["plots"];
  REQUIRE(plots.size() == 2);
  CHECK(plots[0] != plots[1]);
  for (const auto& plot : plots) CHECK(fs::exists(plot.get<std::string>()));
  fs::remove(temp / "out.csv");
  task.plot = temp.write("file", "not a folder");
  CHECK_THROWS_AS(test::forecast(task), Error);
  CHECK(ids_in(temp / "out.csv") == Ids{id + "1", id + "2"});
}

TEST_CASE("a backtest's chart shows all its windows over the truth") {
  const TempDir temp;
  auto task = forecast_task(long_run(temp), {temp.write("new.csv", test::long_csv({named_table("a", 100)}))},
                            temp / "out.csv");
  task.backtest = 3;
  task.plot = temp / "plots";
  task.levels = {80};
  const auto plots = test::forecast(task)["plots"];
  REQUIRE(plots.size() == 1);
  const auto chart = test::read_file(plots[0].get<std::string>());
  CHECK_THAT(chart, ContainsSubstring("truth"));
  task.backtest = 0;
  test::forecast(task);
  CHECK(test::read_file(plots[0].get<std::string>()).find("truth") == std::string::npos);
}
