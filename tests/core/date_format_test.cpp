#include "core/date_format.h"

#include "core/date_column.h"
#include "core/error.h"
#include "support/test.h"

using namespace arzoo;

namespace {

CsvTable column(const std::vector<std::string>& cells) {
  CsvText text;
  text.cell("date").end_row();
  for (const auto& cell : cells) text.cell(cell).end_row();
  return CsvTable::parse(text.take(), "x.csv", {','});
}

}  // namespace

TEST_CASE("the common ways to write a date are read and written back alike") {
  const auto [cell, time] = GENERATE(table<std::string, CivilTime>({
      {"2016-07-01", {2016, 7, 1}},
      {"2016-07-01 05:00", {2016, 7, 1, 5}},
      {"2016-07-01 05:06:07", {2016, 7, 1, 5, 6, 7}},
      {"2016-07-01 05:06:07.000", {2016, 7, 1, 5, 6, 7}},
      {"2016-07-01T05:06:07", {2016, 7, 1, 5, 6, 7}},
      {"2016-07-01T05:06", {2016, 7, 1, 5, 6}},
      {"2016-07-01T05:06:07Z", {2016, 7, 1, 5, 6, 7}},
      {"2016-07-01 05:06:07Z", {2016, 7, 1, 5, 6, 7}},
      {"2010/01/01 00:00", {2010, 1, 1}},
      {"1990/1/1 0:00", {1990, 1, 1}},
      {"01.07.2016", {2016, 7, 1}},
      {"01.07.2016 15:30", {2016, 7, 1, 15, 30}},
      {"01.07.2016 15:30:45", {2016, 7, 1, 15, 30, 45}},
      {"07/21/2016", {2016, 7, 21}},
      {"7/21/2016 5:00", {2016, 7, 21, 5}},
      {"20160701", {2016, 7, 1}},
      {"2016-07", {2016, 7, 1}},
      {"2016Q3", {2016, 7, 1}},
      {"2016-Q4", {2016, 10, 1}},
      {"2016", {2016, 1, 1}},
      {"Jan 1 2000", {2000, 1, 1}},
      {"1467331200", {2016, 7, 1}},
      {"1467331200000", {2016, 7, 1}},
  }));
  const auto read = read_date_column(column({cell}), 0);
  CHECK(to_civil(read.stamps.at(0)) == time);
  CHECK(read.format.format(read.stamps.at(0)) == cell);
}

TEST_CASE("an offset is turned into UTC, which is written with Z") {
  const auto [cell, utc] = GENERATE(table<std::string, std::string>({
      {"2016-07-01T05:00:00+02:00", "2016-07-01T03:00:00Z"},
      {"2016-07-01T23:30:00-0130", "2016-07-02T01:00:00Z"},
      {"2016-01-01 00:00:00+01", "2015-12-31 23:00:00Z"},
  }));
  const auto read = read_date_column(column({cell}), 0);
  CHECK(read.format.has_zone());
  CHECK(read.format.format(read.stamps.at(0)) == utc);
}

TEST_CASE("what is no date has no format") {
  const auto cell =
      GENERATE(as<std::string>{}, "", "date", "2015-02-29", "2016-13-01", "2016-07-01 24:00", "16-07-01",
               "2016-07-01x", "2016-07-01 ", "1/2/16", "2016Q5", "20161301", "0000-01-01", "12345",
               "2016-07-01T00:00:00+19:00", "0001-01-01T00:00:00+01:00", "99999999999999");
  CHECK(DateFormat::matching(cell).empty());
}

TEST_CASE("day and month of 01/02/2016 are ordered by the whole column") {
  const auto [cells, order, expected] = GENERATE(table<std::vector<std::string>, DayOrder, std::string>({
      {{"01/02/2016", "02/02/2016"}, DayOrder::automatic, "2016-01-02"},
      {{"01/02/2016", "02/02/2016"}, DayOrder::day_first, "2016-02-01"},
      {{"01/02/2016", "13/02/2016"}, DayOrder::automatic, "2016-02-01"},
      {{"01/02/2016", "01/13/2016"}, DayOrder::automatic, "2016-01-02"},
      {{"01-02-2016", "13-02-2016"}, DayOrder::automatic, "2016-02-01"},
  }));
  const auto read = read_date_column(column(cells), 0, order);
  CHECK(DateFormat("Y-m-d").format(read.stamps.at(0)) == expected);
}

TEST_CASE("a guessed order of day and month is said") {
  CHECK_THAT(read_date_column(column({"01/02/2016"}), 0).note,
             ContainsSubstring("\"01/02/2016\" are read MM/DD/YYYY (the file allows DD/MM/YYYY as well)"));
  CHECK(read_date_column(column({"01/02/2016"}), 0, DayOrder::day_first).note.empty());
  CHECK(read_date_column(column({"01/02/2016"}), 0, DayOrder::month_first).note.empty());
  CHECK(read_date_column(column({"01/13/2016"}), 0).note.empty());
}

TEST_CASE("numbers without leading zero are written back without, seen in any row") {
  const auto read = read_date_column(column({"10/13/2016 10:00", "1/2/2017 9:00"}), 0);
  CHECK(read.format.format(to_timestamp({2017, 3, 4, 5})) == "3/4/2017 5:00");
}

TEST_CASE("a cell that does not fit the column is named with its line") {
  const auto [cells, message] = GENERATE(table<std::vector<std::string>, std::string>({
      {{"2016-07-01", "2016/07/02"},
       "x.csv:3: column \"date\": \"2016/07/02\" is not a date written YYYY-MM-DD, as "
       "\"2016-07-01\" in line 2 is"},
      {{"2016-02-28", "2016-02-30"}, "x.csv:3: column \"date\": \"2016-02-30\" is not a date"},
      {{"2016-07-01", ""}, "x.csv:3: column \"date\": empty cell, expected a date"},
      {{"", "2016-07-01"}, "x.csv:2: column \"date\": empty cell, expected a date"},
      {{"yesterday"}, "x.csv:2: column \"date\": \"yesterday\" is not a date, expected YYYY-MM-DD"},
      {{"01/02/2016", "13/02/2016", "02/13/2016"},
       "x.csv:4: column \"date\": \"02/13/2016\" is not a date written DD/MM"},
      {{"2016-07-01 00:00:00.5"},
       "x.csv:2: column \"date\": \"2016-07-01 00:00:00.5\" holds a fraction of a second"},
      {{"1467331200000", "1467331200500"}, "x.csv:3: column \"date\": \"1467331200500\" holds a fraction"},
  }));
  CHECK_THROWS_WITH(read_date_column(column(cells), 0), ContainsSubstring(message));
}

TEST_CASE("a column holds dates only if each of its cells is one") {
  CHECK(holds_dates(column({"2016-07-01", "2016-07-02"}), 0));
  CHECK_FALSE(holds_dates(column({"2016", "17.5"}), 0));
  CHECK_FALSE(holds_dates(CsvTable::parse("a\n", "x.csv"), 0));
}
