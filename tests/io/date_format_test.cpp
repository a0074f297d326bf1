#include "io/date_format.h"

#include "core/error.h"
#include "io/date_column.h"
#include "io/frequency.h"
#include "support/test.h"

using namespace arzoo;

namespace {

io::CsvTable column(const std::vector<std::string>& cells) {
  io::CsvText text;
  text.cell("date").end_row();
  for (const auto& cell : cells) text.cell(cell).end_row();
  return io::CsvTable::parse(text.take(), "x.csv", {','});
}

}  // namespace

TEST_CASE("the common ways to write a date are read and written back alike") {
  const auto [cell, time] = GENERATE(table<std::string, io::CivilTime>({
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
      {"2016 Q3", {2016, 7, 1}},
      {"1970-Q1", {1970, 1, 1}},
      {"Q4 2016", {2016, 10, 1}},
      {"201607", {2016, 7, 1}},
      {"Jan 1 2000", {2000, 1, 1}},
      {"Jan 1, 2000", {2000, 1, 1}},
      {"August 5, 2000", {2000, 8, 5}},
      {"20-Jan-2020", {2020, 1, 20}},
      {"20-JAN-2020 13:05", {2020, 1, 20, 13, 5}},
      {"01jan2020", {2020, 1, 1}},
      {"2 February 2020", {2020, 2, 2}},
      {"Jan 2020", {2020, 1, 1}},
      {"7/21/2016 5:00 PM", {2016, 7, 21, 17}},
      {"7/21/2016 12:30:15 AM", {2016, 7, 21, 0, 30, 15}},
      {"07/21/2016 12:30 pm", {2016, 7, 21, 12, 30}},
      {"2016-07-21 09:00AM", {2016, 7, 21, 9}},
      {"20-Jan-2020 1:00 PM UTC", {2020, 1, 20, 13}},
      {"2016-07-01 05", {2016, 7, 1, 5}},
      {"2016-07-01 05:06:07 UTC", {2016, 7, 1, 5, 6, 7}},
      {"2016-07-01 05:06:07.000 UTC", {2016, 7, 1, 5, 6, 7}},
      {"2016-07-01T05:06:07+02:00", {2016, 7, 1, 5, 6, 7}},
      {"2016-07-01 05:06:07 -0130", {2016, 7, 1, 5, 6, 7}},
      {"20160701T050607Z", {2016, 7, 1, 5, 6, 7}},
      {"2016070105", {2016, 7, 1, 5}},
      {"201607010506", {2016, 7, 1, 5, 6}},
      {"20160701050607", {2016, 7, 1, 5, 6, 7}},
      {"1467331200", {2016, 7, 1}},
      {"1467331200000", {2016, 7, 1}},
  }));
  const auto read = io::read_date_column(column({cell}), 0);
  CHECK(io::to_civil(read.stamps.at(0)) == time);
  CHECK(read.format.format(read.stamps.at(0)) == cell);
}

TEST_CASE("a time zone is written back as it was, for other moments too") {
  const auto [cell, next] = GENERATE(table<std::string, std::string>({
      {"2016-07-01T23:00:00+02:00", "2016-07-02T00:00:00+02:00"},
      {"2016-07-01T23:00:00-0130", "2016-07-02T00:00:00-0130"},
      {"2016-07-01 23:00:00+00", "2016-07-02 00:00:00+00"},
      {"2016-07-01 23:00:00Z", "2016-07-02 00:00:00Z"},
      {"2016-07-01 23:00 UTC", "2016-07-02 00:00 UTC"},
      {"7/1/2016 11:00 pm GMT", "7/2/2016 12:00 am GMT"},
  }));
  const auto read = io::read_date_column(column({cell}), 0);
  CHECK(read.format.has_zone());
  CHECK(read.offsets.size() == 1);
  CHECK(read.format.format(advance(read.stamps.at(0), io::parse_frequency("h"), 1)) == next);
}

TEST_CASE("a zone's distance from UTC is kept beside the stamp") {
  const auto [cell, offset] = GENERATE(table<std::string, int>({
      {"2016-07-01T05:00:00+02:00", 7200},
      {"2016-07-01T05:00:00-0130", -5400},
      {"2016-07-01T05:00:00Z", 0},
  }));
  const auto reading = io::DateFormat::matching(cell).at(0).read(cell);
  CHECK(reading->offset == offset);
  CHECK(io::to_civil(reading->stamp).hour == 5);
}

TEST_CASE("digits alone are an hour if the column says so, else seconds") {
  const auto [cells, layout, first] = GENERATE(table<std::vector<std::string>, std::string, io::CivilTime>({
      {{"2016070100", "2016070101"}, "YYYYMMDDhh", {2016, 7, 1}},
      {{"2016070122", "2016070123", "2016070200"}, "YYYYMMDDhh", {2016, 7, 1, 22}},
      {{"1512121518", "1512121519"}, "epoch seconds", {2017, 12, 1, 9, 45, 18}},
      {{"2016070122", "2016070123", "2016070124"}, "epoch seconds", {2033, 11, 20, 3, 28, 42}},
      {{"201607010000", "201607010015"}, "YYYYMMDDhhmm", {2016, 7, 1}},
      {{"1467331200000", "1467331260000"}, "epoch milliseconds", {2016, 7, 1}},
  }));
  const auto read = io::read_date_column(column(cells), 0);
  CHECK(read.format.layout() == layout);
  CHECK(io::to_civil(read.stamps.at(0)) == first);
  CHECK(read.note.empty());
}

TEST_CASE("what is no date has no format") {
  const auto cell = GENERATE(as<std::string>{}, "", "date", "2015-02-29", "2016-13-01", "2016-07-01 24:00",
                             "16-07-01", "2016-07-01x", "2016-07-01 ", "1/2/16", "2016Q5", "20161301",
                             "0000-01-01", "12345", "2016-07-01T00:00:00+19:00", "0001-01-01T00:00:00+01:00",
                             "99999999999999", "13:00 PM", "2016-07-01 13:00 PM", "2016-07-01 0:30 AM",
                             "20-Jam-2020", "2016-07-01 05:00 CET", "189912", "2016 Q0");
  CHECK(io::DateFormat::matching(cell).empty());
}

TEST_CASE("day and month of 01/02/2016 are ordered by the whole column") {
  const auto [cells, order, expected] = GENERATE(table<std::vector<std::string>, io::DayOrder, std::string>({
      {{"01/02/2016", "02/02/2016"}, io::DayOrder::automatic, "2016-01-02"},
      {{"01/02/2016", "02/02/2016"}, io::DayOrder::day_first, "2016-02-01"},
      {{"01/02/2016", "13/02/2016"}, io::DayOrder::automatic, "2016-02-01"},
      {{"01/02/2016", "01/13/2016"}, io::DayOrder::automatic, "2016-01-02"},
      {{"01-02-2016", "13-02-2016"}, io::DayOrder::automatic, "2016-02-01"},
  }));
  const auto read = io::read_date_column(column(cells), 0, order);
  CHECK(io::DateFormat("Y-m-d").format(read.stamps.at(0)) == expected);
}

TEST_CASE("a guessed order of day and month is said") {
  CHECK_THAT(io::read_date_column(column({"01/02/2016"}), 0).note,
             ContainsSubstring("\"01/02/2016\" are read MM/DD/YYYY (the file allows DD/MM/YYYY as well)"));
  CHECK(io::read_date_column(column({"01/02/2016"}), 0, io::DayOrder::day_first).note.empty());
  CHECK(io::read_date_column(column({"01/02/2016"}), 0, io::DayOrder::month_first).note.empty());
  CHECK(io::read_date_column(column({"01/13/2016"}), 0).note.empty());
}

TEST_CASE("numbers without leading zero are written back without, seen in any row") {
  const auto read = io::read_date_column(column({"10/13/2016 10:00", "1/2/2017 9:00"}), 0);
  CHECK(read.format.format(io::to_timestamp({2017, 3, 4, 5})) == "3/4/2017 5:00");
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
  CHECK_THROWS_WITH(io::read_date_column(column(cells), 0), ContainsSubstring(message));
}

TEST_CASE("a column holds dates only if each of its cells is one") {
  CHECK(io::holds_dates(column({"2016-07-01", "2016-07-02"}), 0));
  CHECK_FALSE(io::holds_dates(column({"2016", "17.5"}), 0));
  CHECK_FALSE(io::holds_dates(io::CsvTable::parse("a\n", "x.csv"), 0));
}
