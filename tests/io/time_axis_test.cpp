#include "io/time_axis.h"

#include "core/error.h"
#include "support/test.h"

using namespace arzoo;

namespace {

io::TimeAxis axis(const std::vector<std::string>& cells) {
  io::TimeAxis result{"x.csv", "", {}, {}, io::DateFormat::matching(cells.at(0)).at(0)};
  for (std::size_t i = 0; i < cells.size(); ++i) {
    result.stamps.push_back(result.format.read(cells[i])->stamp);
    result.lines.push_back(static_cast<std::int64_t>(i) + 2);
  }
  return result;
}

/// `count` stamps from `first` on, without those listed.
std::vector<io::Timestamp> regular(const std::string& first, const std::string& frequency, int count,
                                   const std::vector<int>& without = {}) {
  const io::Timestamp start = axis({first}).stamps[0];
  std::vector<io::Timestamp> stamps;
  for (int i = 0; i < count; ++i) {
    if (std::find(without.begin(), without.end(), i) == without.end())
      stamps.push_back(advance(start, io::parse_frequency(frequency), i));
  }
  return stamps;
}

}  // namespace

TEST_CASE("the frequency of regular stamps is found") {
  const auto [first, frequency, expected] = GENERATE(table<std::string, std::string, std::string>({
      {"2016-07-01 00:00:00", "s", "s"},  {"2016-07-01 00:00:00", "30s", "30s"},
      {"2016-07-01 00:00", "min", "min"}, {"2016-07-01 00:00", "15min", "15min"},
      {"2016-07-01 00:00", "60min", "h"}, {"2016-07-01 00:00", "h", "h"},
      {"2016-07-01 00:00", "4h", "4h"},   {"2016-07-01 00:00", "24h", "D"},
      {"2016-07-01", "D", "D"},           {"2016-07-01", "2D", "2D"},
      {"2016-07-01", "7D", "W"},          {"2016-07-03", "W-SUN", "W"},
      {"2016-07-03", "2W", "2W"},         {"2016-07-01", "B", "B"},
      {"2016-07-01", "MS", "M"},          {"2016-07-15", "M", "M"},
      {"2016-07-31", "ME", "M"},          {"2016-02-29", "ME", "M"},
      {"2016-07-01", "2M", "2M"},         {"2016-07-01", "QS", "Q"},
      {"2016-03-31", "QE", "Q"},          {"2016-07-01", "6M", "2Q"},
      {"2016-01-01", "YS", "Y"},          {"2015-12-31", "YE", "Y"},
      {"2016-07-01", "5Y", "5Y"},
  }));
  const auto stamps = regular(first, frequency, 14);
  const io::Frequency found = io::likely_frequency(stamps);
  CHECK(to_string(found) == expected);
  CHECK(found.month_end == io::parse_frequency(frequency).month_end);
  for (std::size_t i = 1; i < stamps.size(); ++i)
    CHECK(io::steps_between(stamps[i - 1], stamps[i], found) == 1);
}

TEST_CASE("missing rows do not hide the frequency") {
  const auto [first, frequency] = GENERATE(table<std::string, std::string>({{"2016-07-01 00:00", "h"},
                                                                            {"2016-07-01", "D"},
                                                                            {"2016-07-01", "B"},
                                                                            {"2016-07-01", "M"},
                                                                            {"2016-02-29", "ME"}}));
  CHECK(io::likely_frequency(regular(first, frequency, 20, {3, 4, 11})) == io::parse_frequency(frequency));
}

TEST_CASE("a week of working days is daily: nothing shows that weekends are skipped") {
  CHECK(to_string(io::likely_frequency(regular("2016-07-04", "D", 5))) == "D");
  CHECK(to_string(io::likely_frequency(regular("2016-07-01", "B", 2))) == "3D");
}

TEST_CASE("two stamps are enough") {
  CHECK(to_string(io::likely_frequency(axis({"2016-01-01", "2016-02-01"}).stamps)) == "M");
  CHECK(to_string(io::likely_frequency(axis({"2016-01-01 00:00", "2016-01-01 00:10"}).stamps)) == "10min");
}

TEST_CASE("repeated and unsorted stamps are refused with both lines") {
  const auto [cells, message] = GENERATE(table<std::vector<std::string>, std::string>({
      {{"2016-07-01", "2016-07-02", "2016-07-02"}, "x.csv:4: the stamp 2016-07-02 repeats line 3"},
      {{"2016-07-01", "2016-07-02", "2016-07-01"}, "x.csv:4: the stamp 2016-07-01 repeats line 2"},
      {{"2016-07-02", "2016-07-04", "2016-07-03"},
       "x.csv:4: 2016-07-03 comes after the later 2016-07-04 of line 3 (sort the rows by the date column)"},
  }));
  CHECK_THROWS_WITH(io::require_increasing(axis(cells)), ContainsSubstring(message));
  CHECK_NOTHROW(io::require_increasing(axis({"2016-07-01", "2016-07-02", "2016-07-04"})));
}

TEST_CASE("irregular stamps are refused with line, both stamps and the expected step") {
  const auto [cells, gaps_allowed, message] = GENERATE(table<std::vector<std::string>, bool, std::string>({
      {{"2016-07-01 00:00", "2016-07-01 01:00", "2016-07-01 03:00"},
       false,
       "x.csv:4: 2016-07-01 03:00 follows 2016-07-01 01:00 (line 3), expected a step of 1h: 1 row is "
       "missing"},
      {{"2016-07-01 00:00", "2016-07-01 01:00", "2016-07-01 05:00"}, false, "3 rows are missing"},
      {{"2016-07-01 00:00", "2016-07-01 01:00", "2016-07-01 02:30"},
       false,
       "expected a step of 1h (resample"},
      {{"2016-07-01 00:00", "2016-07-01 01:00", "2016-07-01 02:30"}, true, "expected a step of 1h (resample"},
      {{"0001-01-01 00:00:00", "0001-01-01 00:00:01", "9999-01-01 00:00:00"},
       true,
       "rows are missing so far"},
  }));
  const io::TimeAxis irregular = axis(cells);
  const io::Frequency frequency = io::frequency_of(irregular, nullptr);
  CHECK_THROWS_WITH(io::missing_rows(irregular, frequency, gaps_allowed), ContainsSubstring(message));
}

TEST_CASE("as many rows may be missing as there are, not more") {
  const io::TimeAxis three = axis({"2016-07-01 00:00", "2016-07-01 01:00", "2016-07-01 05:00"});
  CHECK(io::missing_rows(three, {io::Frequency::Unit::hour}, true) == std::vector<std::int64_t>{0, 3});
  const io::TimeAxis more = axis({"2016-07-01 00:00", "2016-07-01 01:00", "2016-07-01 06:00"});
  CHECK_THROWS_WITH(io::missing_rows(more, {io::Frequency::Unit::hour}, true),
                    ContainsSubstring("4 rows are missing so far, more than the 3 there are"));
}

TEST_CASE("allowed gaps are counted where they are") {
  const io::TimeAxis gappy = axis({"2016-07-01", "2016-07-02", "2016-07-05", "2016-07-06"});
  CHECK(io::missing_rows(gappy, io::frequency_of(gappy, nullptr), true) ==
        std::vector<std::int64_t>{0, 2, 0});
}

TEST_CASE("a given frequency is checked against the stamps") {
  const io::TimeAxis daily = axis({"2016-07-01 00:00", "2016-07-02 00:00", "2016-07-03 00:00"});
  const io::Frequency hourly = io::parse_frequency("h");
  CHECK_THROWS_WITH(
      io::missing_rows(daily, io::frequency_of(daily, &hourly), false),
      ContainsSubstring("x.csv:3: 2016-07-02 00:00 follows 2016-07-01 00:00 (line 2), expected a step "
                        "of 1h: 23 rows"));
}

TEST_CASE("a given step that the dates cannot show is refused") {
  const auto [cell, step, message] = GENERATE(table<std::string, std::string, std::string>({
      {"2016-07-01", "h", "x.csv:2: dates written YYYY-MM-DD cannot show a step of 1h"},
      {"2016-07-01 00:00", "30s", "cannot show a step of 30s"},
      {"2016Q3", "M", "dates written YYYYQn cannot show a step of 1M"},
      {"2016", "6M", "dates written YYYY cannot show a step of 6M"},
  }));
  const io::Frequency given = io::parse_frequency(step);
  CHECK_THROWS_WITH(io::frequency_of(axis({cell}), &given), ContainsSubstring(message));
}

TEST_CASE("a given month steps between month ends when the stamps are month ends") {
  const io::TimeAxis ends = axis({"2016-01-31", "2016-02-29", "2016-03-31"});
  const io::Frequency monthly = io::parse_frequency("M");
  CHECK(io::missing_rows(ends, io::frequency_of(ends, &monthly), false) == std::vector<std::int64_t>{0, 0});
}

TEST_CASE("one row needs a given frequency") {
  const io::TimeAxis one = axis({"2016-07-01"});
  const io::Frequency daily = io::parse_frequency("D");
  CHECK_THROWS_WITH(io::frequency_of(one, nullptr), ContainsSubstring("x.csv:2: one row shows no frequency"));
  CHECK(io::frequency_of(one, &daily) == daily);
}

TEST_CASE("the series of a long file is named") {
  io::TimeAxis two = axis({"2016-07-01", "2016-07-01"});
  two.unique_id = "\"H1\"";
  CHECK_THROWS_WITH(io::require_increasing(two), ContainsSubstring("x.csv:3: series \"H1\": the stamp"));
}
