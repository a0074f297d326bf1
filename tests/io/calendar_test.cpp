#include "io/calendar.h"

#include "support/test.h"

using namespace arzoo;

TEST_CASE("known moments have their known seconds") {
  const auto [time, seconds] = GENERATE(table<io::CivilTime, std::int64_t>({
      {{1970, 1, 1, 0, 0, 0}, 0},
      {{1969, 12, 31, 23, 59, 59}, -1},
      {{2000, 2, 29, 12, 0, 0}, 951825600},
      {{2016, 7, 1, 0, 0, 0}, 1467331200},
      {{2038, 1, 19, 3, 14, 8}, 2147483648},
      {{1, 1, 1, 0, 0, 0}, -62135596800},
      {{9999, 12, 31, 23, 59, 59}, 253402300799},
  }));
  CHECK(io::to_timestamp(time).seconds == seconds);
  CHECK(io::to_civil({seconds}) == time);
}

TEST_CASE("every day of four centuries follows the one before") {
  io::CivilTime expected{1799, 12, 31, 0, 0, 0};
  const std::int64_t first = io::day_number(io::to_timestamp(expected));
  const int first_weekday = io::weekday(io::to_timestamp(expected));
  std::size_t wrong = 0;
  for (std::int64_t day = first; day < first + 150'000; ++day) {
    const io::Timestamp stamp{day * io::kSecondsPerDay};
    wrong += io::to_civil(stamp) == expected ? 0U : 1U;
    wrong += io::to_timestamp(expected) == stamp ? 0U : 1U;
    wrong += io::weekday(stamp) == (first_weekday + day - first) % 7 ? 0U : 1U;
    if (++expected.day > io::days_in_month(expected.year, expected.month)) {
      expected.day = 1;
      if (++expected.month > 12) {
        expected.month = 1;
        ++expected.year;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("weekday, day of the year and ISO week are those of the calendar") {
  const auto [time, day, yday, week] = GENERATE(table<io::CivilTime, int, int, int>({
      {{1970, 1, 1}, 3, 1, 1},
      {{1900, 1, 1}, 0, 1, 1},
      {{2016, 1, 1}, 4, 1, 53},  // in the last week of 2015
      {{2016, 12, 31, 23}, 5, 366, 52},
      {{2018, 12, 31, 6}, 0, 365, 1},  // in the first week of 2019
      {{2020, 12, 31}, 3, 366, 53},
      {{2021, 1, 3}, 6, 3, 53},
      {{2021, 1, 4}, 0, 4, 1},
  }));
  const io::Timestamp stamp = io::to_timestamp(time);
  CHECK(io::weekday(stamp) == day);
  CHECK(io::day_of_year(stamp) == yday);
  CHECK(io::iso_week(stamp) == week);
}

TEST_CASE("leap days follow the Gregorian rule") {
  CHECK(io::days_in_month(1900, 2) == 28);
  CHECK(io::days_in_month(2000, 2) == 29);
  CHECK(io::days_in_month(2024, 2) == 29);
  CHECK(io::days_in_month(2023, 2) == 28);
  CHECK(io::is_month_end(io::to_timestamp({2024, 2, 29, 13})));
  CHECK_FALSE(io::is_month_end(io::to_timestamp({2024, 2, 28})));
}

TEST_CASE("fields beyond the calendar are not valid") {
  const auto time = GENERATE(values<io::CivilTime>({{2015, 2, 29},
                                                    {2016, 0, 1},
                                                    {2016, 13, 1},
                                                    {2016, 4, 31},
                                                    {2016, 4, 0},
                                                    {2016, 4, 1, 24},
                                                    {2016, 4, 1, 0, 60},
                                                    {2016, 4, 1, 0, 0, 60},
                                                    {0, 1, 1},
                                                    {10000, 1, 1}}));
  CHECK_FALSE(io::is_valid(time));
  CHECK(io::is_valid({2016, 2, 29, 23, 59, 59}));
}
