#include "io/date_reader.h"

#include <algorithm>
#include <cstddef>

#include "core/ascii.h"

namespace arzoo::io {
namespace {

constexpr std::size_t kShortMonth = 3;  // letters of an abbreviated name

bool is_number(char token) { return std::string_view("YmdHIMSqfEL").find(token) != std::string_view::npos; }

bool starts_with_ignoring_case(std::string_view text, std::string_view start) {
  return text.size() >= start.size() && std::equal(start.begin(), start.end(), text.begin(),
                                                   [](char a, char b) { return to_lower(a) == to_lower(b); });
}

/// Digits alone that could be epoch seconds or milliseconds, or a plain number, as well.
bool is_bare_number(std::string_view pattern) {
  return pattern == "Ym" || pattern == "YmdH" || pattern == "YmdHM" || pattern == "YmdHMS";
}

/// Walks a cell beside a pattern.
class DateReader {
 public:
  DateReader(std::string_view pattern, std::string_view cell) : pattern_(pattern), cell_(cell) {}

  std::optional<DateReading> run() {
    for (std::size_t i = 0; i < pattern_.size(); ++i) {
      const bool fixed_width = i + 1 < pattern_.size() && is_number(pattern_[i + 1]);
      if (!token(pattern_[i], fixed_width || pattern_.starts_with("Ym"))) return std::nullopt;
    }
    if (at_ != cell_.size()) return std::nullopt;
    // 1512121518 is a moment of 2017 in epoch seconds, 2017120109 is an hour: the year 1512 is not meant.
    constexpr std::int64_t kFirstBareYear = 1900;
    if (is_bare_number(pattern_) && time_.year < kFirstBareYear) return std::nullopt;
    if (epoch_) {
      reading_.stamp.seconds = *epoch_;
    } else {
      if (!reading_.half_day.empty()) time_.hour = time_.hour % 12 + (afternoon_ ? 12 : 0);
      if (!is_valid(time_)) return std::nullopt;
      reading_.stamp = to_timestamp(time_);
    }
    // A zone can push the first or last day of the calendar out of it.
    if (!is_valid(to_civil({reading_.stamp.seconds - reading_.offset}))) return std::nullopt;
    return reading_;
  }

 private:
  bool token(char token, bool fixed_width) {
    switch (token) {
      case 'Y':
        return number(4, 4, time_.year);
      case 'm':
        return date_part(time_.month, fixed_width);
      case 'd':
        return date_part(time_.day, fixed_width);
      case 'H':
        return hour(fixed_width);
      case 'I':
        return hour(fixed_width) && time_.hour >= 1 && time_.hour <= 12;
      case 'M':
        return number(2, 2, time_.minute);
      case 'S':
        return number(2, 2, time_.second);
      case 'p':
        return half_day();
      case 'b':
        return month_name();
      case 'q':
        return quarter();
      case 'f':
        return fraction();
      case 'z':
        return zone();
      case 'E':
        return epoch_seconds();
      case 'L':
        return epoch_milliseconds();
      default:
        return literal(token);
    }
  }

  std::string_view rest() const { return cell_.substr(at_); }

  bool literal(char c) {
    if (at_ == cell_.size() || cell_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool word(std::string_view text) {
    if (!starts_with_ignoring_case(rest(), text)) return false;
    at_ += text.size();
    return true;
  }

  std::size_t digits_here(std::size_t most) const {
    std::size_t count = 0;
    while (count < most && at_ + count < cell_.size() && is_digit(cell_[at_ + count])) ++count;
    return count;
  }

  template <class Integer>
  bool number(std::size_t fewest, std::size_t most, Integer& value) {
    const std::size_t digits = digits_here(most);
    if (digits < fewest) return false;
    value = 0;
    for (std::size_t i = 0; i < digits; ++i)
      value = static_cast<Integer>(value * 10 + (cell_[at_ + i] - '0'));
    at_ += digits;
    return true;
  }

  bool date_part(int& part, bool fixed_width) {
    const std::size_t before = at_;
    if (!number(fixed_width ? 2 : 1, 2, part)) return false;
    reading_.short_date |= at_ - before == 1;
    return true;
  }

  bool hour(bool fixed_width) {
    const std::size_t before = at_;
    if (!number(fixed_width ? 2 : 1, 2, time_.hour)) return false;
    reading_.short_hour |= at_ - before == 1;
    return true;
  }

  /// AM or PM, perhaps after a space.
  bool half_day() {
    const std::size_t before = at_;
    (void)literal(' ');
    afternoon_ = word("PM");
    if (!afternoon_ && !word("AM")) return false;
    reading_.half_day = cell_.substr(before, at_ - before);
    return true;
  }

  /// In full or its first three letters.
  bool month_name() {
    const std::size_t before = at_;
    for (std::size_t i = 0; i < kMonthNames.size(); ++i) {
      if (!word(kMonthNames[i]) && !word(kMonthNames[i].substr(0, kShortMonth))) continue;
      time_.month = static_cast<int>(i) + 1;
      reading_.month = cell_.substr(before, at_ - before);
      return true;
    }
    return false;
  }

  bool quarter() {
    int quarter = 0;
    if (!number(1, 1, quarter) || quarter < 1 || quarter > 4) return false;
    time_.month = quarter * 3 - 2;
    return true;
  }

  bool fraction() {
    const std::size_t digits = digits_here(9);
    if (digits == 0) return false;
    const std::string_view text = cell_.substr(at_, digits);
    reading_.whole_seconds = text.find_first_not_of('0') == std::string_view::npos;
    reading_.fraction_digits = static_cast<int>(digits);
    at_ += digits;
    return true;
  }

  /// Z, UTC, GMT, +hh, +hhmm or +hh:mm, perhaps after a space.
  bool zone() {
    const std::size_t before = at_;
    (void)literal(' ');
    const bool utc = literal('Z') || word("UTC") || word("GMT");
    if (!utc && !offset()) return false;
    reading_.zone = cell_.substr(before, at_ - before);
    return true;
  }

  bool offset() {
    const bool west = literal('-');
    if (!west && !literal('+')) return false;
    int hours = 0, minutes = 0;
    if (!number(2, 2, hours)) return false;
    const bool has_minutes = literal(':') || at_ < cell_.size();
    if (has_minutes && !number(2, 2, minutes)) return false;
    if (hours > 18 || minutes > 59) return false;
    reading_.offset = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
  }

  bool epoch_seconds() {
    std::int64_t seconds = 0;
    if (!number(9, 10, seconds)) return false;
    epoch_ = seconds;
    return true;
  }

  bool epoch_milliseconds() {
    std::int64_t milliseconds = 0;
    if (!number(12, 13, milliseconds)) return false;
    epoch_ = milliseconds / 1000;
    reading_.whole_seconds = milliseconds % 1000 == 0;
    return true;
  }

  std::string_view pattern_, cell_;
  std::size_t at_ = 0;
  CivilTime time_;
  bool afternoon_ = false;
  std::optional<std::int64_t> epoch_;
  DateReading reading_;
};

}  // namespace

std::optional<DateReading> read_date(std::string_view pattern, std::string_view cell) {
  return DateReader(pattern, cell).run();
}

LetterCase letter_case(std::string_view text) {
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (std::none_of(text.begin(), text.end(), is_lower)) return LetterCase::upper;
  return std::none_of(text.begin(), text.end(), is_upper) ? LetterCase::lower : LetterCase::capitalised;
}

}  // namespace arzoo::io
