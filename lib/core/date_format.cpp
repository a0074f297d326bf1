#include "core/date_format.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>

#include "core/ascii.h"

namespace arzoo {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
/// Whole days, which a time of day may follow. Month first goes before day first: the United States' habit.
constexpr std::array<std::string_view, 9> kDays = {"Y-m-d", "Y/m/d", "Y.m.d", "d.m.Y", "m/d/Y",
                                                   "d/m/Y", "m-d-Y", "d-m-Y", "Ymd"};
constexpr std::array<std::string_view, 7> kTimes = {"",     " H:M",   " H:M:S",  " H:M:S.f",
                                                    "TH:M", "TH:M:S", "TH:M:S.f"};
constexpr std::array<std::string_view, 7> kOthers = {"Y-m", "YQq", "Y-Qq", "Y", "b d Y", "E", "L"};

bool is_number(char token) { return std::string_view("YmdHMSqfEL").find(token) != std::string_view::npos; }

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
    if (epoch_) {
      reading_.stamp.seconds = *epoch_;
    } else {
      if (!is_valid(time_)) return std::nullopt;
      reading_.stamp.seconds = to_timestamp(time_).seconds - zone_seconds_;
    }
    // A zone can push the first or last day of the calendar out of it.
    if (!is_valid(to_civil(reading_.stamp))) return std::nullopt;
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
      case 'M':
        return number(2, 2, time_.minute);
      case 'S':
        return number(2, 2, time_.second);
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

  bool literal(char c) {
    if (at_ == cell_.size() || cell_[at_] != c) return false;
    ++at_;
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

  bool month_name() {
    const std::string_view name = cell_.substr(at_, 3);
    for (std::size_t i = 0; i < kMonths.size(); ++i) {
      if (name != kMonths[i]) continue;
      time_.month = static_cast<int>(i) + 1;
      at_ += 3;
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

  /// Z, +hh, +hhmm or +hh:mm.
  bool zone() {
    if (literal('Z')) return true;
    const bool west = at_ < cell_.size() && cell_[at_] == '-';
    if (!west && (at_ == cell_.size() || cell_[at_] != '+')) return false;
    ++at_;
    int hours = 0, minutes = 0;
    if (!number(2, 2, hours)) return false;
    const bool has_minutes = literal(':') || at_ < cell_.size();
    if (has_minutes && !number(2, 2, minutes)) return false;
    if (hours > 18 || minutes > 59) return false;
    zone_seconds_ = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
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
  int zone_seconds_ = 0;
  std::optional<std::int64_t> epoch_;
  DateReading reading_;
};

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

std::optional<DateReading> DateFormat::read(std::string_view cell) const {
  return DateReader(pattern_, cell).run();
}

std::vector<DateFormat> DateFormat::matching(std::string_view cell) {
  static const std::vector<std::string> patterns = known_patterns();
  std::vector<DateFormat> formats;
  for (const auto& pattern : patterns) {
    if (DateReader(pattern, cell).run()) formats.emplace_back(pattern);
  }
  return formats;
}

std::string DateFormat::known() {
  return "YYYY-MM-DD, YYYY/MM/DD, DD.MM.YYYY, MM/DD/YYYY or DD/MM/YYYY with or without hh:mm[:ss], YYYYMMDD, "
         "YYYY-MM, "
         "YYYYQn, YYYY, epoch seconds or milliseconds";
}

void DateFormat::adopt(const DateReading& reading) {
  short_date_ |= reading.short_date;
  short_hour_ |= reading.short_hour;
  fraction_digits_ = reading.fraction_digits;
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
      case 'b':
        text += kMonths[static_cast<std::size_t>(time.month - 1)];
        break;
      case 'q':
        text += fmt::format("{}", (time.month + 2) / 3);
        break;
      case 'f':
        text.append(static_cast<std::size_t>(fraction_digits_), '0');
        break;
      case 'z':
        text += 'Z';
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
      case 'b':
        text += "Mon";
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

}  // namespace arzoo
