#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "io/calendar.h"

namespace arzoo::io {

inline constexpr std::array<std::string_view, 12> kMonthNames = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};

/// How letters of a date are written: Jan, JAN or jan.
enum class LetterCase { capitalised, upper, lower };

/// One cell read by a pattern. Texts are views into the cell.
struct DateReading {
  Timestamp stamp;            ///< as written: a zone is not applied
  std::int32_t offset = 0;    ///< seconds that the written zone is ahead of UTC
  std::string_view zone;      ///< as written, with the space before it: "Z", "+02:00", " UTC"; or empty
  std::string_view half_day;  ///< the same of " PM"; or empty
  bool short_date = false;    ///< a month or day below 10 was written with one digit
  bool short_hour = false;    ///< so was an hour
  bool whole_seconds = true;  ///< false if a fraction of a second was cut off
  int fraction_digits = 0;
  std::string_view month;  ///< a month's name as written, or empty
};

/// Reads a cell by a pattern (see DateFormat); nothing if it does not fit, or names no moment of the years 1
/// to 9999, in UTC or as written.
std::optional<DateReading> read_date(std::string_view pattern, std::string_view cell);

/// Of a text of letters.
LetterCase letter_case(std::string_view text);

}  // namespace arzoo::io
