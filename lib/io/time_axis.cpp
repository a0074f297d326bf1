#include "io/time_axis.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "core/error.h"

namespace arzoo::io {
namespace {

using Unit = Frequency::Unit;

std::string where(const TimeAxis& axis, std::size_t row) {
  const std::string place = fmt::format("{}:{}", axis.file, axis.lines[row]);
  return axis.unique_id.empty() ? place : fmt::format("{}: series {}", place, axis.unique_id);
}

/// The value that occurs most often, the smallest of several; `values` must not be empty.
std::int64_t most_frequent(std::vector<std::int64_t> values) {
  std::sort(values.begin(), values.end());
  std::int64_t best = values.front();
  std::ptrdiff_t most = 0;
  for (auto run = values.begin(); run != values.end();) {
    const auto end = std::upper_bound(run, values.end(), *run);
    if (end - run > most) {
      most = end - run;
      best = *run;
    }
    run = end;
  }
  return best;
}

template <class Function>
std::int64_t most_frequent_distance(std::span<const Timestamp> stamps, Function position) {
  std::vector<std::int64_t> distances;
  distances.reserve(stamps.size() - 1);
  for (std::size_t i = 1; i < stamps.size(); ++i)
    distances.push_back(position(stamps[i]) - position(stamps[i - 1]));
  return most_frequent(std::move(distances));
}

std::int64_t month_number(Timestamp stamp) {
  const CivilTime time = to_civil(stamp);
  return time.year * 12 + time.month;
}

bool same_time_of_day(std::span<const Timestamp> stamps) {
  return std::all_of(stamps.begin(), stamps.end(),
                     [&](Timestamp stamp) { return second_of_day(stamp) == second_of_day(stamps.front()); });
}

bool same_step(std::span<const Timestamp> stamps) {
  if (stamps.size() < 3) return false;
  for (std::size_t i = 2; i < stamps.size(); ++i) {
    if (stamps[i].seconds - stamps[i - 1].seconds != stamps[1].seconds - stamps[0].seconds) return false;
  }
  return true;
}

bool all_month_ends(std::span<const Timestamp> stamps) {
  return std::all_of(stamps.begin(), stamps.end(), is_month_end);
}

std::optional<Frequency> months(std::span<const Timestamp> stamps) {
  const bool month_end = all_month_ends(stamps);
  const int day = to_civil(stamps.front()).day;
  const bool same_day = std::all_of(stamps.begin(), stamps.end(),
                                    [day](Timestamp stamp) { return to_civil(stamp).day == day; });
  if (!month_end && !same_day) return std::nullopt;
  const std::int64_t step = most_frequent_distance(stamps, month_number);
  if (step < 1) return std::nullopt;
  if (step % 12 == 0) return Frequency{Unit::year, step / 12, month_end};
  if (step % 3 == 0) return Frequency{Unit::quarter, step / 3, month_end};
  return Frequency{Unit::month, step, month_end};
}

/// Daily stamps that skip every weekend they pass.
bool are_business_days(std::span<const Timestamp> stamps) {
  const bool no_weekend =
      std::all_of(stamps.begin(), stamps.end(), [](Timestamp s) { return weekday(s) <= 4; });
  const std::int64_t first_monday = day_number(stamps.front()) - weekday(stamps.front());
  return no_weekend && day_number(stamps.back()) >= first_monday + 7 &&
         most_frequent_distance(stamps, day_number) == 1;
}

Frequency fixed_step(std::int64_t seconds) {
  if (seconds % (7 * kSecondsPerDay) == 0) return {Unit::week, seconds / (7 * kSecondsPerDay)};
  if (seconds % kSecondsPerDay == 0) return {Unit::day, seconds / kSecondsPerDay};
  if (seconds % 3600 == 0) return {Unit::hour, seconds / 3600};
  if (seconds % 60 == 0) return {Unit::minute, seconds / 60};
  return {Unit::second, seconds};
}

/// Hours cannot be given to dates without a time of day: rows in between would all be written the same.
void require_written_apart(const TimeAxis& axis, const Frequency& frequency) {
  const Timestamp next = advance(axis.stamps.front(), frequency, 1);
  if (!axis.format.shows(next))
    fail<DataError>("{}: dates written {} cannot show a step of {} (give another frequency with {}freq)",
                    where(axis, 0), axis.format.layout(), step_name(frequency), axis.option_prefix);
}

}  // namespace

std::string step_name(const Frequency& frequency) {
  return frequency.multiple == 1 ? "1" + to_string(frequency) : to_string(frequency);
}

Frequency anchored(Frequency frequency, std::span<const Timestamp> stamps) {
  const bool by_months =
      frequency.unit == Unit::month || frequency.unit == Unit::quarter || frequency.unit == Unit::year;
  if (by_months && all_month_ends(stamps)) frequency.month_end = true;
  return frequency;
}

bool settle_zone(std::vector<Timestamp>& stamps, std::span<const std::int32_t> offsets) {
  const bool changes =
      std::adjacent_find(offsets.begin(), offsets.end(), std::not_equal_to<>()) != offsets.end();
  if (!changes) return false;
  if (same_time_of_day(stamps) || same_step(stamps)) return true;
  for (std::size_t i = 0; i < stamps.size(); ++i) stamps[i].seconds += offsets.back() - offsets[i];
  return true;
}

void require_increasing(const TimeAxis& axis) {
  const auto& stamps = axis.stamps;
  for (std::size_t i = 1; i < stamps.size(); ++i) {
    if (stamps[i] > stamps[i - 1]) continue;
    const std::string stamp = axis.format.format(stamps[i]);
    const auto earlier =
        static_cast<std::size_t>(std::find(stamps.begin(), stamps.end(), stamps[i]) - stamps.begin());
    if (earlier < i)
      fail<DataError>(
          "{}: the stamp {} repeats line {}, expected one row per stamp (remove one; {}resample combines the "
          "rows of an hour in which the clock was set back; a file of several series needs a column that "
          "names them)",
          where(axis, i), stamp, axis.lines[earlier], axis.option_prefix);
    fail<DataError>("{}: {} comes after the later {} of line {} (sort the rows by the date column)",
                    where(axis, i), stamp, axis.format.format(stamps[i - 1]), axis.lines[i - 1]);
  }
}

Frequency likely_frequency(std::span<const Timestamp> stamps) {
  if (same_time_of_day(stamps)) {
    if (const auto calendar = months(stamps)) return *calendar;
    if (are_business_days(stamps)) return {Unit::business_day};
  }
  return fixed_step(most_frequent_distance(stamps, [](Timestamp stamp) { return stamp.seconds; }));
}

Frequency frequency_of(const TimeAxis& axis, const Frequency* given) {
  if (given != nullptr) {
    const Frequency frequency = anchored(*given, axis.stamps);
    require_written_apart(axis, frequency);
    return frequency;
  }
  if (axis.stamps.size() < 2)
    fail<DataError>(
        "{}: one row shows no frequency, expected at least two (or give the frequency with {}freq)",
        where(axis, 0), axis.option_prefix);
  return likely_frequency(axis.stamps);
}

std::vector<std::int64_t> missing_rows(const TimeAxis& axis, const Frequency& frequency, bool gaps_allowed) {
  const auto& stamps = axis.stamps;
  std::vector<std::int64_t> missing(stamps.empty() ? 0 : stamps.size() - 1);
  std::int64_t total = 0;
  for (std::size_t i = 0; i < missing.size(); ++i) {
    const auto steps = steps_between(stamps[i], stamps[i + 1], frequency);
    if (steps == 1) continue;
    const auto step = fmt::format("{}: {} follows {} (line {}), expected a step of {}", where(axis, i + 1),
                                  axis.format.format(stamps[i + 1]), axis.format.format(stamps[i]),
                                  axis.lines[i], step_name(frequency));
    if (!steps)
      fail<DataError>("{} (resample to a regular step, or give another frequency with {}freq)", step,
                      axis.option_prefix);
    missing[i] = *steps - 1;
    if (!gaps_allowed)
      fail<DataError>(
          "{}: {} missing (fill with {}missing ffill or interpolate, or give the frequency with {}freq)",
          step, missing[i] == 1 ? "1 row is" : fmt::format("{} rows are", missing[i]), axis.option_prefix,
          axis.option_prefix);
    total += missing[i];
    // An axis of a few rows must not grow to fill the memory.
    if (total > static_cast<std::int64_t>(stamps.size()))
      fail<DataError>(
          "{}: {} rows are missing so far, more than the {} there are (give the frequency with {}freq)", step,
          total, stamps.size(), axis.option_prefix);
  }
  return missing;
}

}  // namespace arzoo::io
