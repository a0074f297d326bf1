#include "io/series_table.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "support/test.h"

using namespace arzoo;

namespace {

io::SeriesFile read_text_series(const std::string& text, const io::SeriesReadOptions& options = {}) {
  return io::read_series(io::CsvTable::parse(text, "dir/x.csv", {options.delimiter}), options);
}

io::SeriesReadOptions filling(io::MissingPolicy policy) {
  io::SeriesReadOptions options;
  options.missing = policy;
  return options;
}

io::SeriesReadOptions choosing(std::vector<std::string> columns) {
  io::SeriesReadOptions options;
  options.columns = std::move(columns);
  return options;
}

std::vector<std::string> written(const io::SeriesTable& table) {
  std::vector<std::string> dates;
  for (const auto stamp : table.stamps) dates.push_back(table.date_format.format(stamp));
  return dates;
}

using Strings = std::vector<std::string>;
using Doubles = std::vector<double>;

}  // namespace

TEST_CASE("a wide file is one table named after the file") {
  const auto file = read_text_series("date,a,b\n2016-07-01 00:00,1,2\n2016-07-01 01:00,3,4.5\n");
  CHECK(file.format == io::SeriesFormat::wide);
  CHECK(file.date_column == "date");
  REQUIRE(file.tables.size() == 1);
  const auto& table = file.tables[0];
  CHECK(table.unique_id == "x");
  CHECK(table.variates == Strings{"a", "b"});
  CHECK(table.values == Doubles{1, 2, 3, 4.5});
  CHECK(to_string(table.frequency) == "h");
  CHECK(written(table) == Strings{"2016-07-01 00:00", "2016-07-01 01:00"});
  CHECK(table.source == "dir/x.csv");
  CHECK(table.first_line == 2);
  CHECK(table.notes.empty());
}

TEST_CASE("a long file is a table per series, in order of first appearance, target first") {
  const auto file = read_text_series(
      "ds,unique_id,temp,y\n2016-07-02,B,5,1\n2016-07-01,A,6,2\n2016-07-03,B,7,3\n2016-07-02,A,8,4\n");
  CHECK(file.format == io::SeriesFormat::long_);
  CHECK(file.id_column == "unique_id");
  REQUIRE(file.tables.size() == 2);
  CHECK(file.tables[0].unique_id == "B");
  CHECK(file.tables[0].variates == Strings{"y", "temp"});
  CHECK(file.tables[0].values == Doubles{1, 5, 3, 7});
  CHECK(file.tables[0].first_line == 2);
  CHECK(file.tables[1].unique_id == "A");
  CHECK(file.tables[1].values == Doubles{2, 6, 4, 8});
  CHECK(file.tables[1].first_line == 3);
}

TEST_CASE("the columns of a long file may have other names") {
  io::SeriesReadOptions options;
  options.id_column = "symbol";
  options.target_column = "price";
  const auto file =
      read_text_series("symbol,date,price\nMSFT,Jan 1 2000,39.81\nMSFT,Feb 1 2000,36.35\n", options);
  CHECK(file.format == io::SeriesFormat::long_);
  CHECK(file.tables.at(0).unique_id == "MSFT");
  CHECK(to_string(file.tables.at(0).frequency) == "M");
}

TEST_CASE("a wide file may have a column of the long file's name") {
  io::SeriesReadOptions options;
  options.format = io::SeriesFormat::wide;
  CHECK(read_text_series("ds,unique_id,y\n2016-07-01,1,2\n2016-07-02,1,2\n", options).tables.at(0).variates ==
        Strings{"unique_id", "y"});
}

TEST_CASE("the date column is found by name before place") {
  const auto [header, expected] = GENERATE(table<std::string, std::string>({
      {"temp,date", "date"},
      {"temp,DateTime", "DateTime"},
      {"temp,Timestamp", "Timestamp"},
      {"time,date", "date"},
  }));
  CHECK(read_text_series(header + "\n2016,2016-07-01\n2017,2016-07-02\n", choosing({header.substr(0, 4)}))
            .date_column == expected);
}

TEST_CASE("a first column of dates needs no name that says so") {
  const auto header = GENERATE(as<std::string>{}, "month", "");
  CHECK(read_text_series(header + ",a\n2006-01-01,1\n2006-02-01,2\n").date_column == header);
}

TEST_CASE("chosen columns come in the chosen order") {
  const auto file =
      read_text_series("date,a,b,note\n2016-07-01,1,2,rain\n2016-07-02,3,4,sun\n", choosing({"b", "a"}));
  CHECK(file.tables.at(0).variates == Strings{"b", "a"});
  CHECK(file.tables.at(0).values == Doubles{2, 1, 4, 3});
}

TEST_CASE("a column that cannot be had is named") {
  const std::string text = "date,temp_min,temp_max\n2016-07-01,1,2\n2016-07-02,1,2\n";
  const auto [columns, message] = GENERATE(table<Strings, std::string>({
      {{"temp_mn"}, "dir/x.csv:1: no column \"temp_mn\" (did you mean \"temp_min\"?)"},
      {{"humidity"}, "no column \"humidity\", the columns are \"date\", \"temp_min\", \"temp_max\""},
      {{"temp_min", "temp_min"}, "column \"temp_min\" is chosen twice"},
      {{"date"}, "column \"date\" holds the dates"},
  }));
  CHECK_THROWS_WITH(read_text_series(text, choosing(columns)), ContainsSubstring(message));
}

TEST_CASE("files without the needed columns are refused") {
  const auto [text, message] = GENERATE(table<std::string, std::string>({
      {"date,a\n", "dir/x.csv:1: has a header but no rows, expected"},
      {"date\n2016-07-01\n", "dir/x.csv:1: no column besides \"date\", expected at least one variate"},
      {"a,b\n1.5,2\n",
       "dir/x.csv:1: no date column, expected one named date, ds, timestamp, time or datetime"},
      {"2016-07-01,1\n2016-07-02,2\n", "dir/x.csv:1: the first line holds data (\"2016-07-01\", \"1\")"},
      {"date,a,\n2016-07-01,1,2\n", "dir/x.csv:1: column 3 has no name"},
      {"ds,unique_id,z\n2016-07-01,A,1\n", "dir/x.csv:1: no column \"y\", the columns are"},
      {"ds,unique_id,y\n2016-07-01,,1\n",
       "dir/x.csv:2: column \"unique_id\": empty cell, expected the series' name"},
  }));
  CHECK_THROWS_WITH(read_text_series(text), ContainsSubstring(message));
}

TEST_CASE("a long format asked for needs its columns") {
  io::SeriesReadOptions options;
  options.format = io::SeriesFormat::long_;
  CHECK_THROWS_WITH(read_text_series("ds,uniqe_id,y\n2016-07-01,A,1\n", options),
                    ContainsSubstring("no column \"unique_id\" (did you mean \"uniqe_id\"?)"));
}

TEST_CASE("cells that are no finite number are named with line, column and what to do") {
  const auto [cell, message] = GENERATE(table<std::string, std::string>({
      {"drizzle",
       "dir/x.csv:3: column \"a\": \"drizzle\" is not a number (list the numeric columns with columns)"},
      {"\"1,5\"", "\"1,5\" is not a number (write a decimal point"},
      {"\"1,234.5\"", "\"1,234.5\" is not a number (write it without thousands separators"},
      {"inf", "\"inf\" is infinite, expected a finite number"},
      {"1e999", "\"1e999\" is infinite"},
  }));
  const auto policy = GENERATE(io::MissingPolicy::error, io::MissingPolicy::interpolate);
  CHECK_THROWS_WITH(read_text_series("date,a\n2016-07-01,1\n2016-07-02," + cell + "\n", filling(policy)),
                    ContainsSubstring(message));
}

TEST_CASE("a missing cell is an error that names the first and counts all") {
  CHECK_THROWS_WITH(
      read_text_series("date,a,b\n2016-07-01,1,1\n2016-07-02,1,NA\n2016-07-03,,1\n"),
      ContainsSubstring("dir/x.csv:3: column \"b\": missing value, the first of 2 (fill with missing ffill"));
}

TEST_CASE("a column without any value is an error under every policy") {
  const auto policy =
      GENERATE(io::MissingPolicy::error, io::MissingPolicy::ffill, io::MissingPolicy::interpolate);
  CHECK_THROWS_WITH(read_text_series("date,a,b\n2016-07-01,1,\n2016-07-02,1,NaN\n", filling(policy)),
                    ContainsSubstring("dir/x.csv:2: column \"b\" holds no value at all"));
}

TEST_CASE("ffill repeats the value before and says so") {
  const auto table = read_text_series("date,a,b\n2016-07-01,1,1\n2016-07-02,,2\n2016-07-03,,3\n",
                                      filling(io::MissingPolicy::ffill))
                         .tables.at(0);
  CHECK(table.values == Doubles{1, 1, 1, 2, 1, 3});
  CHECK(table.notes == Strings{"x: 2 missing cells in \"a\" filled with the value before"});
}

TEST_CASE("ffill has nothing to start a series with") {
  CHECK_THROWS_WITH(
      read_text_series("date,a\n2016-07-01,\n2016-07-02,1\n", filling(io::MissingPolicy::ffill)),
      ContainsSubstring("dir/x.csv:2: column \"a\" starts with a missing cell, which ffill cannot fill"));
}

TEST_CASE("interpolation is linear in time, takes the nearest value at the ends, and says so") {
  // Months have different lengths: a month after 2016-01-01 is 31 of 91 days on the way to 2016-04-01.
  const auto table =
      read_text_series(
          "date,a\n2015-12-01,\n2016-01-01,0\n2016-02-01,\n2016-03-01,\n2016-04-01,91\n2016-05-01,\n",
          filling(io::MissingPolicy::interpolate))
          .tables.at(0);
  const Doubles expected{0, 0, 31, 60, 91, 91};
  REQUIRE(table.values.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(table.values[i] == Approx(expected[i]));
  CHECK(table.notes == Strings{"x: 2 missing cells in \"a\" interpolated",
                               "x: 2 missing cells at an end of \"a\" filled with the nearest value"});
}

TEST_CASE("interpolation between huge values stays finite") {
  const auto table = read_text_series("date,a\n2016-07-01,1e308\n2016-07-02,\n2016-07-03,-1e308\n",
                                      filling(io::MissingPolicy::interpolate))
                         .tables.at(0);
  CHECK(table.values[1] == 0.0);
}

TEST_CASE("missing rows are an error, or inserted, filled and told") {
  const std::string text = "date,a\n2016-07-01,1\n2016-07-02,2\n2016-07-04,4\n2016-07-05,\n2016-07-06,6\n";
  CHECK_THROWS_WITH(
      read_text_series("date,a\n2016-07-01,1\n2016-07-02,2\n2016-07-04,4\n"),
      ContainsSubstring("dir/x.csv:4: 2016-07-04 follows 2016-07-02 (line 3), expected a step of 1D: 1 row"));
  const auto [policy, values] =
      GENERATE(table<io::MissingPolicy, Doubles>({{io::MissingPolicy::ffill, {1, 2, 2, 4, 4, 6}},
                                                  {io::MissingPolicy::interpolate, {1, 2, 3, 4, 5, 6}}}));
  const auto filled = read_text_series(text, filling(policy)).tables.at(0);
  CHECK(filled.values == values);
  CHECK(written(filled)[2] == "2016-07-03");
  CHECK_THAT(filled.notes.at(0), ContainsSubstring("x: 1 missing row inserted"));
}

TEST_CASE("a given frequency makes the rows between missing ones") {
  auto options = filling(io::MissingPolicy::interpolate);
  options.frequency = io::parse_frequency("12h");
  const auto table =
      read_text_series("date,a\n2016-07-01 00:00,1\n2016-07-02 00:00,2\n2016-07-03 00:00,3\n", options)
          .tables.at(0);
  CHECK(table.values == Doubles{1, 1.5, 2, 2.5, 3});
}

TEST_CASE("errors and notes in a long file name the series") {
  const std::string head = "unique_id,ds,y\nA,2016-07-01,1\nA,2016-07-02,2\nB,2016-07-01,1\nB,2016-07-02,2\n";
  CHECK_THROWS_WITH(read_text_series(head + "B,2016-07-02,3\n"),
                    ContainsSubstring("dir/x.csv:6: series \"B\": the stamp 2016-07-02 repeats line 5"));
  CHECK_THROWS_WITH(read_text_series(head + "B,2016-07-03,\n"),
                    ContainsSubstring("dir/x.csv:6: series \"B\": column \"y\": missing value"));
  CHECK(read_text_series(head + "B,2016-07-04,4\n", filling(io::MissingPolicy::interpolate))
            .tables.at(1)
            .notes.at(0) == "B: 1 missing row inserted");
}

TEST_CASE("a file of semicolons or tabs may write decimal commas") {
  const std::string delimiter = GENERATE(";", "\t");
  const auto replaced = [&](std::string text) {
    std::replace(text.begin(), text.end(), ';', delimiter.front());
    return text;
  };
  const auto file = read_text_series(replaced("date;a;b\n01.07.2016;1.234,5;2\n02.07.2016;-0,25;3\n"));
  CHECK(file.tables.at(0).values == Doubles{1234.5, 2, -0.25, 3});
  CHECK(file.notes.empty());
  CHECK_THROWS_WITH(
      read_text_series(replaced("date;a;b\n01.07.2016;1,5;2\n02.07.2016;1.5;3\n")),
      ContainsSubstring("dir/x.csv:3: column \"a\": \"1.5\" is not a number with a decimal comma, as "
                        "\"1,5\" in line 2 is"));
}

TEST_CASE("decimal commas that could part thousands are said") {
  const auto file = read_text_series("date;a\n01.07.2016;1,234\n02.07.2016;2,345\n");
  CHECK(file.tables.at(0).values == Doubles{1.234, 2.345});
  REQUIRE(file.notes.size() == 1);
  CHECK(file.notes[0] == "dir/x.csv: numbers such as \"1,234\" are read with a decimal comma");
  CHECK_THROWS_WITH(
      read_text_series("date;a\n01.07.2016;1,234,567\n"),
      ContainsSubstring("\"1,234,567\" is not a number (write it without thousands separators"));
}

TEST_CASE("quarters are read however they are written") {
  const auto [first, second] = GENERATE(table<std::string, std::string>(
      {{"1970 Q1", "1970 Q2"}, {"1970-Q1", "1970-Q2"}, {"1970Q1", "1970Q2"}, {"Q1 1970", "Q2 1970"}}));
  const auto table = read_text_series("quarter,a\n" + first + ",1\n" + second + ",2\n").tables.at(0);
  CHECK(to_string(table.frequency) == "Q");
  CHECK(written(table) == Strings{first, second});
}

TEST_CASE("hours stay hours when daylight saving time begins or ends, and the last zone is written") {
  const auto file = read_text_series(
      "date,a\n2016-03-27T00:00+01:00,1\n2016-03-27T01:00+01:00,2\n2016-03-27T03:00+02:00,3\n"
      "2016-03-27T04:00+02:00,4\n");
  CHECK(to_string(file.tables.at(0).frequency) == "h");
  CHECK(written(file.tables.at(0)) == Strings{"2016-03-27T01:00+02:00", "2016-03-27T02:00+02:00",
                                              "2016-03-27T03:00+02:00", "2016-03-27T04:00+02:00"});
  CHECK(file.notes ==
        Strings{"dir/x.csv: the time zone of the stamps changes; further ones are written in that of "
                "a series' last row"});
}

TEST_CASE("days stay days across daylight saving time, months are those of the zone") {
  const auto days = read_text_series(
      "date,a\n2016-03-26T00:00+01:00,1\n2016-03-27T00:00+01:00,2\n2016-03-28T00:00+02:00,3\n");
  CHECK(to_string(days.tables.at(0).frequency) == "D");
  const auto months = read_text_series(
      "date,a\n2016-01-01T00:00+02:00,1\n2016-02-01T00:00+02:00,2\n2016-03-01T00:00+02:00,3\n");
  CHECK(to_string(months.tables.at(0).frequency) == "M");
  CHECK_FALSE(months.tables.at(0).frequency.month_end);
  CHECK(months.notes.empty());
}

TEST_CASE("the series of a long file keep their own zones") {
  const auto file = read_text_series(
      "unique_id,ds,y\nA,2016-07-01T00:00+02:00,1\nA,2016-07-01T01:00+02:00,2\nB,2016-07-01T00:00-05:00,3\n"
      "B,2016-07-01T01:00-05:00,4\n");
  CHECK(written(file.tables.at(0)) == Strings{"2016-07-01T00:00+02:00", "2016-07-01T01:00+02:00"});
  CHECK(written(file.tables.at(1)) == Strings{"2016-07-01T00:00-05:00", "2016-07-01T01:00-05:00"});
  CHECK(file.notes.empty());
}

TEST_CASE("a series of one row is an error, or left out and named where that is asked for") {
  const std::string text = "unique_id,ds,y\nA,2016-07-01,1\nA,2016-07-02,2\nB,2016-07-01,1\n";
  CHECK_THROWS_WITH(read_text_series(text),
                    ContainsSubstring("dir/x.csv:4: series \"B\": one row shows no frequency"));
  io::SeriesReadOptions options;
  options.skip_single_rows = true;
  const auto file = read_text_series(text, options);
  CHECK(file.tables.size() == 1);
  CHECK(file.skipped == Strings{"B"});
  options.frequency = io::parse_frequency("D");
  CHECK(read_text_series(text, options).tables.size() == 2);
}

TEST_CASE("messages name the options as the user writes them") {
  const std::string prefix = GENERATE("--", "data.");
  io::SeriesReadOptions options;
  options.option_prefix = prefix;
  const auto [text, advice] = GENERATE(table<std::string, std::string>({
      {"a,b\n1.5,2\n", "name it with {}date)"},
      {"date,a\n2016-07-01,rain\n", "list the numeric columns with {}columns)"},
      {"date,a,\n2016-07-01,1,2\n", "list the columns to read with {}columns;"},
      {"date,a\n2016-07-01,1\n", "give the frequency with {}freq)"},
      {"date,a\n2016-07-01,1\n2016-07-02,\n", "fill with {}missing ffill or interpolate)"},
      {"date,a\n2016-07-01,1\n2016-07-02,2\n2016-07-04,3\n",
       "fill with {}missing ffill or interpolate, or give the frequency with {}freq)"},
  }));
  std::string expected = advice;
  for (auto at = expected.find("{}"); at != std::string::npos; at = expected.find("{}"))
    expected.replace(at, 2, prefix);
  CHECK_THROWS_WITH(read_text_series(text, options), ContainsSubstring(expected));
}

TEST_CASE("a file with a guessed day order says so") {
  const auto file = read_text_series("date,a\n01/02/2016,1\n02/02/2016,2\n");
  REQUIRE(file.notes.size() == 1);
  CHECK_THAT(file.notes[0], ContainsSubstring("are read MM/DD/YYYY"));
  CHECK(to_string(file.tables.at(0).frequency) == "M");
}

TEST_CASE("the bundled temperatures lack the hour that daylight saving time skips") {
  const auto path = test::source_dir() / "data/weather/temperatures_2010.csv";
  CHECK_THROWS_WITH(io::read_series(path),
                    ContainsSubstring("2010-03-14 04:00:00 follows 2010-03-14 02:00:00 (line 1732)"));
  const auto table = io::read_series(path, filling(io::MissingPolicy::interpolate)).tables.at(0);
  CHECK(table.unique_id == "temperatures_2010");
  CHECK(table.rows() == 8760);
  CHECK(table.variates == Strings{"seattle", "san_francisco"});
}

TEST_CASE("the bundled daily weather is read by its numeric columns") {
  const auto path = test::source_dir() / "data/weather/seattle_weather.csv";
  CHECK_THROWS_WITH(
      io::read_series(path),
      ContainsSubstring("seattle_weather.csv:2: column \"weather\": \"drizzle\" is not a number"));
  const auto table =
      io::read_series(path, choosing({"precipitation", "temp_max", "temp_min", "wind"})).tables.at(0);
  CHECK(table.rows() == 1461);
  CHECK(to_string(table.frequency) == "D");
  CHECK(table.at(0, 1) == 12.8);
}
