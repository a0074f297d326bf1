#include "io/date_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "core/ascii.h"

namespace arzoo::io {
namespace {

/// Whole days, which a time of day may follow. Month first goes before day first: the United States' habit.
constexpr std::array<std::string_view, 14> kDays = {"Y-m-d", "Y/m/d", "Y.m.d", "d.m.Y", "m/d/Y",
                                                    "d/m/Y", "m-d-Y", "d-m-Y", "Ymd",   "d-b-Y",
                                                    "d b Y", "dbY",   "b d Y", "b d, Y"};
constexpr std::array<std::string_view, 12> kTimes = {"",         " H",    " H:M",    " H:M:S",
                                                     " H:M:S.f", "TH:M",  "TH:M:S",  "TH:M:S.f",
                                                     " Ip",      " I:Mp", " I:M:Sp", " I:M:S.fp"};
/// Bare hours and minutes go before counted seconds: read_date() tells them apart by the year.
constexpr std::array<std::string_view, 21> kOthers = {
    "Y-m",  "Y/m",   "Ym",     "b Y",    "b-Y",     "YQq",     "Y Qq",     "Y-Qq",       "Qq Y", "Qq-Y", "Y",
    "YmdH", "YmdHM", "YmdHMS", "YmdTHM", "YmdTHMS", "YmdTHMz", "YmdTHMSz", "YmdTHMS.fz", "E",    "L"};

std::vector<std::string> known_patterns() {
  std::vector<std::string> patterns;
  for (const auto day : kDays) {
    for (const auto time : kTimes) {
      patterns.push_back(fmt::format("{}{}", day, time));
      if (!time.empty()) patterns.push_back(fmt::format("{}{}z", day, time));
    }
  }
  patterns.insert(patterns.end(), kOthers.begin(), kOthers.end());
  return patterns;
}

}  // namespace

std::vector<DateFormat> DateFormat::matching(std::string_view cell) {
  static const std::vector<std::string> patterns = known_patterns();
  std::vector<DateFormat> formats;
  for (const auto& pattern : patterns) {
    if (read_date(pattern, cell)) formats.emplace_back(pattern);
  }
  return formats;
}

std::string DateFormat::known() {
  return "YYYY-MM-DD, YYYY/MM/DD, DD.MM.YYYY, MM/DD/YYYY, DD/MM/YYYY or DD-Mon-YYYY with or without "
         "hh:mm[:ss] "
         "[AM] [+hh:mm], YYYYMMDD[hh], YYYY-MM, YYYY-Qn, YYYY, epoch seconds or milliseconds";
}

std::optional<std::int32_t> DateFormat::offset() const {
  if (!has_zone()) return std::nullopt;
  const auto reading = DateFormat("Y-m-dTH:Mz").read("2000-01-01T00:00" + zone_);
  return reading ? reading->offset : 0;
}

void DateFormat::adopt(const DateReading& reading) {
  short_date_ |= reading.short_date;
  short_hour_ |= reading.short_hour;
  fraction_digits_ = reading.fraction_digits;
  if (!reading.month.empty()) month_case_ = letter_case(reading.month);
  // "May" is both the name and its first three letters.
  full_month_ |= reading.month.size() > 3;
  if (!reading.half_day.empty()) half_day_ = reading.half_day;
  if (!reading.zone.empty()) zone_ = reading.zone;
}

bool DateFormat::shows(Timestamp stamp) const {
  const auto reading = read(format(stamp));
  return reading && reading->stamp == stamp;
}

std::string DateFormat::month_name(int month) const {
  std::string name(
      kMonthNames[static_cast<std::size_t>(month - 1)].substr(0, full_month_ ? std::string::npos : 3));
  if (month_case_ == LetterCase::upper)
    std::transform(name.begin(), name.end(), name.begin(), [](char c) { return to_upper(c); });
  return month_case_ == LetterCase::lower ? to_lower(name) : name;
}

/// The column's marker with the other letter where the other half of the day is meant.
std::string DateFormat::half_day(int hour) const {
  std::string marker = half_day_;
  char& letter = marker[marker.size() - 2];
  const bool lower = letter == to_lower(letter);
  letter = hour < 12 ? 'A' : 'P';
  if (lower) letter = to_lower(letter);
  return marker;
}

std::string DateFormat::format(Timestamp stamp) const {
  const CivilTime time = to_civil(stamp);
  const auto padded = [](int value, bool may_be_short) {
    return may_be_short ? fmt::format("{}", value) : fmt::format("{:02}", value);
  };
  std::string text;
  for (const char token : pattern_) {
    switch (token) {
      case 'Y':
        text += fmt::format("{:04}", time.year);
        break;
      case 'm':
        text += padded(time.month, short_date_);
        break;
      case 'd':
        text += padded(time.day, short_date_);
        break;
      case 'H':
        text += padded(time.hour, short_hour_);
        break;
      case 'M':
        text += padded(time.minute, false);
        break;
      case 'S':
        text += padded(time.second, false);
        break;
      case 'I':
        text += padded((time.hour + 11) % 12 + 1, short_hour_);
        break;
      case 'p':
        text += half_day(time.hour);
        break;
      case 'b':
        text += month_name(time.month);
        break;
      case 'q':
        text += fmt::format("{}", (time.month + 2) / 3);
        break;
      case 'f':
        text.append(static_cast<std::size_t>(fraction_digits_), '0');
        break;
      case 'z':
        text += zone_;
        break;
      case 'E':
        text += fmt::format("{}", stamp.seconds);
        break;
      case 'L':
        text += fmt::format("{}000", stamp.seconds);
        break;
      default:
        text += token;
    }
  }
  return text;
}

std::string DateFormat::layout() const {
  std::string text;
  for (const char token : pattern_) {
    switch (token) {
      case 'Y':
        text += "YYYY";
        break;
      case 'm':
        text += "MM";
        break;
      case 'd':
        text += "DD";
        break;
      case 'H':
        text += "hh";
        break;
      case 'M':
        text += "mm";
        break;
      case 'S':
        text += "ss";
        break;
      case 'I':
        text += "hh";
        break;
      case 'p':
        text += half_day_;
        break;
      case 'b':
        text += full_month_ ? "Month" : "Mon";
        break;
      case 'q':
        text += "n";
        break;
      case 'f':
        text += "fff";
        break;
      case 'z':
        text += "+hh:mm";
        break;
      case 'E':
        text += "epoch seconds";
        break;
      case 'L':
        text += "epoch milliseconds";
        break;
      default:
        text += token;
    }
  }
  return text;
}

}  // namespace arzoo::io
