#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "io/calendar.h"

namespace arzoo::io {

/// The step of a regular time axis.
struct Frequency {
  enum class Unit { second, minute, hour, day, business_day, week, month, quarter, year };
  Unit unit = Unit::day;
  std::int64_t multiple = 1;  ///< at least 1
  bool month_end = false;     ///< months, quarters and years that step from last day to last day
  bool operator==(const Frequency&) const = default;
};

/// Seconds of a unit of fixed length, 0 for the others; months of one of the calendar's, 0 for the others.
std::int64_t unit_seconds(Frequency::Unit unit);
std::int64_t unit_months(Frequency::Unit unit);

/// "s", "min", "h", "D", "B", "W", "M", "Q" or "Y" after a multiple above 1: "15min", "4h".
std::string to_string(const Frequency& frequency);

/// Reads to_string's form, pandas' aliases (T, H, MS, ME, QS, QE-DEC, YS, A, W-SUN, ...) and the letters of
/// frequency_code. An anchor is checked and dropped: the stamps say on which day a week or year starts. ME,
/// QE and YE set month_end; M, Q, Y and A leave it to the stamps. Throws ConfigError.
Frequency parse_frequency(std::string_view text);

/// The letter by which the official code picks time features: s t h d b w m q a. Multiples do not matter.
char frequency_code(const Frequency& frequency);

/// `steps` steps later (earlier if negative). Days beyond a month's end become its last day; month_end goes
/// from month end to month end; business days skip Saturday and Sunday. Throws DataError outside the years 1
/// to 9999.
Timestamp advance(Timestamp from, const Frequency& frequency, std::int64_t steps);

/// How many steps lead from one stamp to a later one; nothing if no whole number does.
std::optional<std::int64_t> steps_between(Timestamp from, Timestamp to, const Frequency& frequency);

/// Steps of the usual season, at least 1: an hour of seconds, a day of minutes or hours, a week of days, a
/// year of weeks to years.
std::int64_t usual_season(const Frequency& frequency);

}  // namespace arzoo::io
