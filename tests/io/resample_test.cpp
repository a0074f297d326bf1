#include "io/resample.h"

#include "core/error.h"
#include "io/series_table.h"
#include "support/test.h"

using namespace arzoo;

namespace {

using Doubles = std::vector<double>;
using Strings = std::vector<std::string>;

io::SeriesFile resampled(const std::string& text, const std::string& how,
                         io::MissingPolicy missing = io::MissingPolicy::interpolate) {
  io::SeriesReadOptions options;
  options.resample = io::parse_resampling(how);
  options.missing = missing;
  options.option_prefix = "--";
  return io::read_series(io::CsvTable::parse(text, "events.csv"), options);
}

Strings stamps_of(const io::SeriesTable& table) {
  Strings stamps;
  for (const auto stamp : table.stamps) stamps.push_back(table.date_format.format(stamp));
  return stamps;
}

const std::string kEvents =
    "date,y\n2020-01-01 10:05:00,1\n2020-01-01 10:59:59,5\n2020-01-01 11:00:00,3\n2020-01-01 13:30:00,\n"
    "2020-01-01 13:31:00,-8\n";

}  // namespace

TEST_CASE("each aggregate combines what falls into a step") {
  const auto [how, expected] = GENERATE(table<std::string, Doubles>({{"1h:sum", {6, 3, 0, -8}},
                                                                     {"h:mean", {3, 3, -2.5, -8}},
                                                                     {"1h:min", {1, 3, -2.5, -8}},
                                                                     {"60min:max", {5, 3, -2.5, -8}},
                                                                     {"1h:first", {1, 3, -2.5, -8}},
                                                                     {"1h:last", {5, 3, -2.5, -8}},
                                                                     {"1h:count", {2, 1, 0, 1}}}));
  const auto file = resampled(kEvents, how);
  const auto& table = file.tables.at(0);
  CHECK(table.values == expected);
  CHECK(stamps_of(table) ==
        Strings{"2020-01-01 10:00:00", "2020-01-01 11:00:00", "2020-01-01 12:00:00", "2020-01-01 13:00:00"});
}

TEST_CASE("a note says how many rows became how many steps") {
  CHECK(resampled(kEvents, "1h:sum").notes ==
        Strings{"events.csv: 5 rows resampled to 4 steps (1h:sum), 1 of them without a row: 0"});
  CHECK(resampled(kEvents, "1h:mean").notes ==
        Strings{"events.csv: 5 rows resampled to 4 steps (1h:mean), 1 of them without a row: missing"});
}

TEST_CASE("an empty step has no mean: it is missing, and no one fills it unasked") {
  CHECK_THROWS_WITH(resampled(kEvents, "1h:mean", io::MissingPolicy::error),
                    ContainsSubstring("missing value, the first of 1 (fill with --missing"));
}

TEST_CASE("rows may come in any order, repeat a stamp and hold fractions of a second") {
  const auto file = resampled(
      "date,y\n2020-01-01 11:00:00.250,3\n2020-01-01 10:59:59.999,5\n2020-01-01 10:05:00.000,1\n"
      "2020-01-01 10:59:59.999,7\n",
      "1h:last");
  CHECK(file.tables[0].values == Doubles{7, 3});
}

TEST_CASE("days begin at midnight, weeks on Monday, months, quarters and years by the calendar") {
  const std::string text =
      "date,y\n2019-12-31,1\n2020-01-01,2\n2020-02-29,4\n2020-03-01,8\n2020-07-15,16\n2021-01-01,32\n";
  const auto [how, stamps, expected] = GENERATE(table<std::string, Strings, Doubles>({
      {"Y:sum", {"2019-01-01", "2020-01-01", "2021-01-01"}, {1, 30, 32}},
      {"YE:sum", {"2019-12-31", "2020-12-31", "2021-12-31"}, {1, 30, 32}},
      {"Q:sum",
       {"2019-10-01", "2020-01-01", "2020-04-01", "2020-07-01", "2020-10-01", "2021-01-01"},
       {1, 14, 0, 16, 0, 32}},
      {"6M:sum", {"2019-12-01", "2020-06-01", "2020-12-01"}, {15, 16, 32}},
  }));
  const auto table = resampled(text, how).tables[0];
  CHECK(stamps_of(table) == stamps);
  CHECK(table.values == expected);
}

TEST_CASE("a week's rows belong to its Monday, and a weekend's to Friday's business day") {
  // 2021-01-01 is a Friday.
  const std::string text = "date,y\n2021-01-01,1\n2021-01-02,2\n2021-01-03,4\n2021-01-04,8\n2021-01-06,16\n";
  const auto weeks = resampled(text, "W:sum").tables[0], days = resampled(text, "B:sum").tables[0];
  CHECK(stamps_of(weeks) == Strings{"2020-12-28", "2021-01-04"});
  CHECK(weeks.values == Doubles{7, 24});
  CHECK(stamps_of(days) == Strings{"2021-01-01", "2021-01-04", "2021-01-05", "2021-01-06"});
  CHECK(days.values == Doubles{7, 8, 0, 16});
}

TEST_CASE("the series of a long file are resampled each by itself, before 1970 as after it") {
  const auto file = resampled(
      "unique_id,ds,y\na,1969-12-31 23:10,1\nb,1970-01-01 00:05,3\na,1969-12-31 23:50,5\na,1970-01-01 "
      "00:10,7\n",
      "1h:mean");
  REQUIRE(file.tables.size() == 2);
  CHECK(file.tables[0].values == Doubles{3, 7});
  CHECK(stamps_of(file.tables[0]) == Strings{"1969-12-31 23:00", "1970-01-01 00:00"});
  CHECK(file.tables[1].values == Doubles{3});
}

TEST_CASE("huge values have a mean, and a sum of theirs that overflows is an error") {
  const std::string text = "date,y\n2020-01-01 10:05,1.5e308\n2020-01-01 10:06,1.5e308\n";
  CHECK(resampled(text, "1h:mean").tables[0].values == Doubles{1.5e308});
  CHECK_THROWS_WITH(resampled(text, "1h:sum"), ContainsSubstring("overflows"));
}

TEST_CASE("a category and a static covariate take the last value of a step, whatever is asked of numbers") {
  io::SeriesReadOptions options;
  options.resample = io::parse_resampling("1h:sum");
  options.columns = {"y", "size", "kind"};
  options.statics = {"size"};
  options.categories = std::make_shared<const std::vector<io::CategoryColumn>>(
      std::vector<io::CategoryColumn>{{"kind", {"a", "b"}}});
  const auto file = io::read_series(
      io::CsvTable::parse("date,y,size,kind\n2020-01-01 10:05,1,9,b\n2020-01-01 10:06,2,9,a\n", "x.csv"),
      options);
  CHECK(file.tables[0].values == Doubles{3, 9, 0});
}

TEST_CASE("a few rows far apart do not fill the memory") {
  CHECK_THROWS_WITH(resampled("date,y\n1900-01-01 00:00:00,1\n2100-01-01 00:00:00,2\n", "1s:sum"),
                    ContainsSubstring("choose a longer step"));
}

TEST_CASE("dates without a time of day cannot show hours") {
  CHECK_THROWS_WITH(resampled("date,y\n2020-01-01,1\n2020-01-02,2\n", "1h:sum"),
                    ContainsSubstring("cannot show a step of 1h"));
}

TEST_CASE("a resampling is a frequency and an aggregate") {
  CHECK(to_string(io::parse_resampling("15min:max")) == "15min:max");
  for (const char* wrong : {"", "1h", "1h:", ":mean", "1h:median", "1x:mean", "0h:mean", "1h:mean:sum"})
    CHECK_THROWS_AS(io::parse_resampling(wrong), ConfigError);
}
