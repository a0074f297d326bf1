#include "io/calendar.h"

#include <array>

namespace arzoo::io {
namespace {

constexpr std::int64_t kDaysPerEra = 146097;  // 400 years, after which the calendar repeats
constexpr std::int64_t kEpochInEra = 719468;  // days from 0000-03-01 to 1970-01-01

bool is_leap(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

/// Hinnant, "chrono-compatible low-level date algorithms": years start in March, so the leap day comes last.
std::int64_t days_from_civil(std::int64_t year, int month, int day) {
  if (month <= 2) --year;
  const std::int64_t era = floor_divide(year, 400);
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * kDaysPerEra + day_of_era - kEpochInEra;
}

CivilTime civil_from_days(std::int64_t days) {
  days += kEpochInEra;
  const std::int64_t era = floor_divide(days, kDaysPerEra);
  const std::int64_t day_of_era = days - era * kDaysPerEra;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t march_month = (5 * day_of_year + 2) / 153;
  CivilTime time;
  time.day = static_cast<int>(day_of_year - (153 * march_month + 2) / 5 + 1);
  time.month = static_cast<int>(march_month < 10 ? march_month + 3 : march_month - 9);
  time.year = year_of_era + era * 400 + (time.month <= 2 ? 1 : 0);
  return time;
}

int day_of_year(std::int64_t days) {
  return static_cast<int>(days - days_from_civil(civil_from_days(days).year, 1, 1) + 1);
}

}  // namespace

int days_in_month(std::int64_t year, int month) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return kDays[static_cast<std::size_t>(month - 1)] + (month == 2 && is_leap(year) ? 1 : 0);
}

bool is_valid(const CivilTime& time) {
  return time.year >= 1 && time.year <= 9999 && time.month >= 1 && time.month <= 12 && time.day >= 1 &&
         time.day <= days_in_month(time.year, time.month) && time.hour >= 0 && time.hour <= 23 &&
         time.minute >= 0 && time.minute <= 59 && time.second >= 0 && time.second <= 59;
}

Timestamp to_timestamp(const CivilTime& time) {
  const int second = time.hour * 3600 + time.minute * 60 + time.second;
  return {days_from_civil(time.year, time.month, time.day) * kSecondsPerDay + second};
}

CivilTime to_civil(Timestamp stamp) {
  CivilTime time = civil_from_days(day_number(stamp));
  const auto second = static_cast<int>(second_of_day(stamp));
  time.hour = second / 3600;
  time.minute = second / 60 % 60;
  time.second = second % 60;
  return time;
}

std::int64_t day_number(Timestamp stamp) { return floor_divide(stamp.seconds, kSecondsPerDay); }

std::int64_t second_of_day(Timestamp stamp) {
  const std::int64_t second = stamp.seconds % kSecondsPerDay;
  return second < 0 ? second + kSecondsPerDay : second;
}

bool is_month_end(Timestamp stamp) {
  const CivilTime time = to_civil(stamp);
  return time.day == days_in_month(time.year, time.month);
}

int weekday(Timestamp stamp) {
  constexpr std::int64_t kThursday = 3;  // 1970-01-01
  const std::int64_t day = (day_number(stamp) % 7 + kThursday) % 7;
  return static_cast<int>(day < 0 ? day + 7 : day);
}

int day_of_year(Timestamp stamp) { return day_of_year(day_number(stamp)); }

int iso_week(Timestamp stamp) {
  // A week belongs to the year of its Thursday.
  const std::int64_t thursday = day_number(stamp) - weekday(stamp) + 3;
  return (day_of_year(thursday) - 1) / 7 + 1;
}

}  // namespace arzoo::io
