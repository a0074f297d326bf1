#include "io/frequency.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <map>

#include "core/ascii.h"
#include "core/bytes.h"

namespace arzoo::io {
namespace {

using Unit = Frequency::Unit;

struct UnitInfo {
  Unit unit;
  std::string_view name;
  char code;
  std::int64_t seconds;  ///< 0 if the calendar decides
  std::int64_t months;
};

constexpr std::array<UnitInfo, 9> kUnits = {{{Unit::second, "s", 's', 1, 0},
                                             {Unit::minute, "min", 't', 60, 0},
                                             {Unit::hour, "h", 'h', 3600, 0},
                                             {Unit::day, "D", 'd', kSecondsPerDay, 0},
                                             {Unit::business_day, "B", 'b', 0, 0},
                                             {Unit::week, "W", 'w', 7 * kSecondsPerDay, 0},
                                             {Unit::month, "M", 'm', 0, 1},
                                             {Unit::quarter, "Q", 'q', 0, 3},
                                             {Unit::year, "Y", 'a', 0, 12}}};

const UnitInfo& info(Unit unit) { return kUnits[static_cast<std::size_t>(unit)]; }

struct Alias {
  std::string_view name;
  Unit unit;
  bool month_end = false;
};

/// Besides kUnits' own names; letter case counts only between M and m, which both mean months here.
constexpr std::array<Alias, 16> kAliases = {{{"sec", Unit::second},
                                             {"t", Unit::minute},
                                             {"h", Unit::hour},
                                             {"d", Unit::day},
                                             {"b", Unit::business_day},
                                             {"w", Unit::week},
                                             {"ms", Unit::month},
                                             {"me", Unit::month, true},
                                             {"qs", Unit::quarter},
                                             {"qe", Unit::quarter, true},
                                             {"ys", Unit::year},
                                             {"ye", Unit::year, true},
                                             {"as", Unit::year},
                                             {"a", Unit::year},
                                             {"y", Unit::year},
                                             {"q", Unit::quarter}}};

bool is_anchor(Unit unit, const std::string& name) {
  constexpr std::string_view kDays = " mon tue wed thu fri sat sun ";
  constexpr std::string_view kMonths = " jan feb mar apr may jun jul aug sep oct nov dec ";
  const std::string word = " " + name + " ";
  if (unit == Unit::week) return kDays.find(word) != std::string_view::npos;
  const bool has_month = unit == Unit::quarter || unit == Unit::year;
  return has_month && name.size() == 3 && kMonths.find(word) != std::string_view::npos;
}

std::optional<Frequency> unit_of(const std::string& name) {
  for (const auto& unit : kUnits) {
    if (name == to_lower(unit.name)) return Frequency{unit.unit, 1, false};
  }
  for (const auto& alias : kAliases) {
    if (name == alias.name) return Frequency{alias.unit, 1, alias.month_end};
  }
  return std::nullopt;
}

constexpr Timestamp kFirst{-62135596800};  // 0001-01-01 00:00:00
constexpr Timestamp kLast{253402300799};   // 9999-12-31 23:59:59

[[noreturn]] void fail_outside() {
  fail<DataError>("time stamps: a step leads outside the years 1 to 9999 (use a shorter horizon or step)");
}

/// Bounded so that sums of two results and products with small constants cannot overflow.
std::int64_t times(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  constexpr std::int64_t kBound = std::numeric_limits<std::int64_t>::max() / 16;
  if (__builtin_mul_overflow(a, b, &product) || product > kBound || product < -kBound) fail_outside();
  return product;
}

/// Business days since Monday 1970-01-05. A weekend counts as the Friday before when going forwards, as the
/// Monday after when going backwards, so that one step always ends on the nearest working day in its
/// direction.
std::int64_t business_index(Timestamp stamp, bool forwards) {
  const int day = weekday(stamp);
  const std::int64_t monday = day_number(stamp) - day - 4;
  if (day > 4) return monday / 7 * 5 + (forwards ? 4 : 5);
  return monday / 7 * 5 + day;
}

Timestamp add_business_days(Timestamp from, std::int64_t days) {
  if (days == 0) return from;
  const std::int64_t index = business_index(from, days > 0) + days;
  const std::int64_t week = floor_divide(index, 5);
  const std::int64_t day = times(week, 7) + (index - week * 5) + 4;
  return {times(day, kSecondsPerDay) + second_of_day(from)};
}

std::int64_t month_index(const CivilTime& time) { return time.year * 12 + time.month - 1; }

Timestamp add_months(Timestamp from, std::int64_t months, bool month_end) {
  CivilTime time = to_civil(from);
  const std::int64_t index = month_index(time) + months;
  time.year = floor_divide(index, 12);
  time.month = static_cast<int>(index - time.year * 12) + 1;
  if (time.year < 1 || time.year > 9999) fail_outside();
  const int last = days_in_month(time.year, time.month);
  time.day = month_end ? last : std::min(time.day, last);
  return to_timestamp(time);
}

}  // namespace

std::int64_t unit_seconds(Unit unit) { return info(unit).seconds; }
std::int64_t unit_months(Unit unit) { return info(unit).months; }

std::string to_string(const Frequency& frequency) {
  const auto name = info(frequency.unit).name;
  return frequency.multiple == 1 ? std::string(name) : fmt::format("{}{}", frequency.multiple, name);
}

Frequency parse_frequency(std::string_view text) {
  const auto refuse = [text]() {
    fail<ConfigError>(
        "{} is not a frequency, expected s, min, h, D, B, W, M, Q or Y, perhaps after a multiple as in 15min",
        in_quotes(text));
  };
  constexpr std::int64_t kMostMultiple = 1'000'000;
  std::int64_t multiple = 1;
  std::string_view rest = text;
  if (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') {
    const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), multiple);
    if (error != std::errc() || multiple < 1 || multiple > kMostMultiple) refuse();
    rest.remove_prefix(static_cast<std::size_t>(stop - rest.data()));
  }
  const std::size_t dash = rest.find('-');
  auto frequency = unit_of(to_lower(rest.substr(0, dash)));
  if (!frequency) refuse();
  if (dash != std::string_view::npos && !is_anchor(frequency->unit, to_lower(rest.substr(dash + 1))))
    refuse();
  frequency->multiple = multiple;
  return *frequency;
}

char frequency_code(const Frequency& frequency) { return info(frequency.unit).code; }

Timestamp advance(Timestamp from, const Frequency& frequency, std::int64_t steps) {
  if (from < kFirst || from > kLast) fail_outside();
  const auto& unit = info(frequency.unit);
  const std::int64_t count = times(steps, frequency.multiple);
  Timestamp to;
  if (unit.seconds > 0)
    to.seconds = from.seconds + times(count, unit.seconds);
  else if (unit.months > 0)
    to = add_months(from, times(count, unit.months), frequency.month_end);
  else
    to = add_business_days(from, count);
  if (to < kFirst || to > kLast) fail_outside();
  return to;
}

std::optional<std::int64_t> steps_between(Timestamp from, Timestamp to, const Frequency& frequency) {
  const auto& unit = info(frequency.unit);
  std::int64_t distance = 0, step = frequency.multiple;
  if (unit.seconds > 0) {
    distance = to.seconds - from.seconds;
    step *= unit.seconds;
  } else if (unit.months > 0) {
    distance = month_index(to_civil(to)) - month_index(to_civil(from));
    step *= unit.months;
  } else {
    distance = business_index(to, true) - business_index(from, true);
  }
  const std::int64_t steps = distance / step;
  // Counting months or working days ignores the day and the hour: only a real step proves the guess.
  if (distance < 0 || distance % step != 0 || advance(from, frequency, steps) != to) return std::nullopt;
  return steps;
}

std::int64_t usual_season(const Frequency& frequency) {
  static const std::map<Unit, std::int64_t> kSeasons{
      {Unit::second, 3600}, {Unit::minute, 1440}, {Unit::hour, 24},   {Unit::day, 7}, {Unit::business_day, 5},
      {Unit::week, 52},     {Unit::month, 12},    {Unit::quarter, 4}, {Unit::year, 1}};
  return std::max<std::int64_t>(1, kSeasons.at(frequency.unit) / frequency.multiple);
}

}  // namespace arzoo::io
