#include "io/frequency.h"

#include "core/error.h"
#include "io/date_format.h"
#include "support/test.h"

using namespace arzoo;
using Unit = io::Frequency::Unit;

namespace {

io::Timestamp stamp(const std::string& cell) {
  return io::DateFormat::matching(cell).at(0).read(cell)->stamp;
}

std::string day(io::Timestamp at) { return io::DateFormat("Y-m-d").format(at); }

}  // namespace

TEST_CASE("frequencies are read from their own form, pandas' aliases and the official letters") {
  const auto [text, frequency] = GENERATE(table<std::string, io::Frequency>({
      {"s", {Unit::second}},   {"S", {Unit::second}},       {"min", {Unit::minute}},
      {"t", {Unit::minute}},   {"15T", {Unit::minute, 15}}, {"15min", {Unit::minute, 15}},
      {"h", {Unit::hour}},     {"4H", {Unit::hour, 4}},     {"D", {Unit::day}},
      {"d", {Unit::day}},      {"B", {Unit::business_day}}, {"W", {Unit::week}},
      {"W-SUN", {Unit::week}}, {"2w-mon", {Unit::week, 2}}, {"M", {Unit::month}},
      {"m", {Unit::month}},    {"MS", {Unit::month}},       {"ME", {Unit::month, 1, true}},
      {"Q", {Unit::quarter}},  {"QS-OCT", {Unit::quarter}}, {"QE-DEC", {Unit::quarter, 1, true}},
      {"Y", {Unit::year}},     {"YS", {Unit::year}},        {"YE", {Unit::year, 1, true}},
      {"a", {Unit::year}},     {"A-DEC", {Unit::year}},
  }));
  CHECK(io::parse_frequency(text) == frequency);
}

TEST_CASE("what is no frequency is refused with the list of those there are") {
  const auto text = GENERATE(as<std::string>{}, "", "x", "15", "0h", "-1h", "1.5h", "hour", "h-SUN", "W-JAN",
                             "W-", "Q-MON", "99999999h", "99999999999999999999h", "W- su");
  CHECK_THROWS_AS(io::parse_frequency(text), ConfigError);
  CHECK_THROWS_WITH(io::parse_frequency(text),
                    ContainsSubstring("is not a frequency, expected s, min, h, D, B, W, M, Q or Y"));
}

TEST_CASE("a frequency is written so that it reads back the same") {
  const auto [text, code] = GENERATE(table<std::string, char>({{"s", 's'},
                                                               {"30s", 's'},
                                                               {"min", 't'},
                                                               {"15min", 't'},
                                                               {"h", 'h'},
                                                               {"4h", 'h'},
                                                               {"D", 'd'},
                                                               {"B", 'b'},
                                                               {"2W", 'w'},
                                                               {"M", 'm'},
                                                               {"Q", 'q'},
                                                               {"Y", 'a'}}));
  CHECK(to_string(io::parse_frequency(text)) == text);
  CHECK(io::frequency_code(io::parse_frequency(text)) == code);
}

TEST_CASE("steps follow the calendar, forwards and backwards") {
  const auto [from, frequency, steps, to] = GENERATE(table<std::string, std::string, int, std::string>({
      {"2016-02-28", "D", 2, "2016-03-01"},
      {"2016-02-28", "W", -1, "2016-02-21"},
      {"2016-07-01", "B", 1, "2016-07-04"},  // Friday to Monday
      {"2016-07-04", "B", -1, "2016-07-01"},
      {"2016-07-01", "B", 10, "2016-07-15"},
      {"2016-07-01", "2B", 3, "2016-07-11"},
      {"2016-07-02", "B", 1, "2016-07-04"},  // from a Saturday
      {"2016-07-03", "B", -1, "2016-07-01"},
      {"2016-07-03", "B", 0, "2016-07-03"},
      {"2016-01-31", "M", 1, "2016-02-29"},
      {"2016-01-15", "M", -13, "2014-12-15"},
      {"2016-02-29", "ME", 1, "2016-03-31"},
      {"2016-02-29", "Y", 1, "2017-02-28"},
      {"2016-02-29", "YE", 4, "2020-02-29"},
      {"2016-03-31", "QE", 1, "2016-06-30"},
      {"2016-10-01", "QS", 2, "2017-04-01"},
      {"0001-01-01", "D", 3652058, "9999-12-31"},
  }));
  CHECK(day(advance(stamp(from), io::parse_frequency(frequency), steps)) == to);
}

TEST_CASE("steps shorter than a day keep their length") {
  CHECK(advance(stamp("2016-07-01"), {Unit::minute, 15}, 97) == stamp("2016-07-02 00:15"));
  CHECK(advance(stamp("2016-07-01"), {Unit::hour, 4}, -1) == stamp("2016-06-30 20:00"));
  CHECK(advance(stamp("2016-07-01 09:30"), {Unit::business_day}, 1) == stamp("2016-07-04 09:30"));
}

TEST_CASE("steps out of the calendar are refused, however large") {
  const auto unit =
      GENERATE(Unit::second, Unit::day, Unit::business_day, Unit::week, Unit::month, Unit::year);
  const std::int64_t steps = GENERATE(std::int64_t{1} << 40, -(std::int64_t{1} << 40), INT64_MAX, INT64_MIN);
  CHECK_THROWS_AS(advance(stamp("2016-07-01"), {unit, 1}, steps), DataError);
}

TEST_CASE("the number of steps between two stamps is found, or that there is none") {
  const auto [from, to, frequency, steps] =
      GENERATE(table<std::string, std::string, std::string, std::optional<std::int64_t>>({
          {"2016-07-01", "2016-07-08", "D", 7},
          {"2016-07-01", "2016-07-08", "W", 1},
          {"2016-07-01", "2016-07-08", "B", 5},
          {"2016-07-01", "2016-07-08", "2D", std::nullopt},
          {"2016-07-01", "2016-07-09", "B", std::nullopt},  // a Saturday
          {"2016-07-01", "2016-07-01", "h", 0},
          {"2016-07-02", "2016-07-01", "D", std::nullopt},
          {"2016-01-01", "2016-04-01", "M", 3},
          {"2016-01-01", "2016-04-02", "M", std::nullopt},
          {"2016-01-31", "2016-02-29", "ME", 1},
          {"2016-01-31", "2016-02-28", "ME", std::nullopt},
          {"2016-01-01", "2017-01-01", "2Q", 2},
          {"2016-01-01", "2017-01-01", "2Y", std::nullopt},
      }));
  CHECK(io::steps_between(stamp(from), stamp(to), io::parse_frequency(frequency)) == steps);
}
