#pragma once

#include <compare>
#include <cstdint>

namespace arzoo::io {

/// Seconds since 1970-01-01 00:00:00, proleptic Gregorian calendar, no zone, no leap seconds.
struct Timestamp {
  std::int64_t seconds = 0;
  std::strong_ordering operator<=>(const Timestamp& other) const { return seconds <=> other.seconds; }
  bool operator==(const Timestamp&) const = default;
};

inline constexpr std::int64_t kSecondsPerDay = 86400;

/// A time stamp taken apart; month and day count from 1.
struct CivilTime {
  std::int64_t year = 1970;
  int month = 1, day = 1, hour = 0, minute = 0, second = 0;
  bool operator==(const CivilTime&) const = default;
};

/// Whether the fields name a moment of the years 1 to 9999.
bool is_valid(const CivilTime& time);
/// `time` must be valid.
Timestamp to_timestamp(const CivilTime& time);
CivilTime to_civil(Timestamp stamp);

/// a / b rounded towards the past, b > 0.
constexpr std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

/// Days since 1970-01-01, rounded towards the past.
std::int64_t day_number(Timestamp stamp);
std::int64_t second_of_day(Timestamp stamp);
int days_in_month(std::int64_t year, int month);
bool is_month_end(Timestamp stamp);
int weekday(Timestamp stamp);      ///< Monday 0 to Sunday 6
int day_of_year(Timestamp stamp);  ///< 1 to 366
int iso_week(Timestamp stamp);     ///< ISO 8601, 1 to 53: week 1 holds the year's first Thursday

}  // namespace arzoo::io
