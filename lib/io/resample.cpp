#include "io/resample.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "core/bytes.h"
#include "core/error.h"

namespace arzoo::io {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
constexpr std::array<std::pair<std::string_view, Aggregate>, 7> kAggregates = {{{"sum", Aggregate::sum},
                                                                                {"mean", Aggregate::mean},
                                                                                {"min", Aggregate::min},
                                                                                {"max", Aggregate::max},
                                                                                {"first", Aggregate::first},
                                                                                {"last", Aggregate::last},
                                                                                {"count", Aggregate::count}}};

/// 1970-01-05, a Monday, as a day number.
constexpr std::int64_t kMonday = 4;

std::int64_t month_of(Timestamp stamp) {
  const auto time = to_civil(stamp);
  return time.year * 12 + time.month - 1;
}

/// Working days since a Monday; a weekend counts as its Friday.
std::int64_t working_day(Timestamp stamp) {
  return floor_divide(day_number(stamp) - kMonday, 7) * 5 + std::min(weekday(stamp), 4);
}

/// One column's values of one period, in the order of time.
double aggregate_of(std::span<const double> values, Aggregate aggregate) {
  if (aggregate == Aggregate::count) return static_cast<double>(values.size());
  if (values.empty()) return kMissing;
  switch (aggregate) {
    case Aggregate::sum:
      return std::accumulate(values.begin(), values.end(), 0.0);
    case Aggregate::mean: {
      const double sum = std::accumulate(values.begin(), values.end(), 0.0);
      const auto count = static_cast<double>(values.size());
      if (std::isfinite(sum)) return sum / count;
      // Huge values: each its share, so that no partial sum overflows.
      return std::accumulate(values.begin(), values.end(), 0.0,
                             [count](double mean, double value) { return mean + value / count; });
    }
    case Aggregate::min:
      return *std::min_element(values.begin(), values.end());
    case Aggregate::max:
      return *std::max_element(values.begin(), values.end());
    case Aggregate::first:
      return values.front();
    default:
      return values.back();
  }
}

/// Row numbers in the order of time; rows of one moment as they stand.
std::vector<std::size_t> in_time(const std::vector<Timestamp>& stamps) {
  std::vector<std::size_t> order(stamps.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (!std::is_sorted(stamps.begin(), stamps.end()))
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return stamps[a] < stamps[b]; });
  return order;
}

/// The series on its way onto the regular axis.
class Resampler {
 public:
  Resampler(const TimeAxis& axis, const std::vector<double>& values, const std::vector<bool>& keeps_last,
            const Resampling& resampling)
      : axis_(axis), from_(values), keeps_last_(keeps_last), resampling_(resampling) {}

  void add_period(Timestamp stamp, std::span<const std::size_t> rows) {
    stamps.push_back(stamp);
    if (!rows.empty()) line_ = axis_.lines[rows.front()];
    lines.push_back(line_);
    for (std::size_t column = 0; column < keeps_last_.size(); ++column) values.push_back(cell(rows, column));
  }

  std::vector<Timestamp> stamps;
  std::vector<std::int64_t> lines;
  std::vector<double> values;

 private:
  double cell(std::span<const std::size_t> rows, std::size_t column) {
    const auto aggregate = keeps_last_[column] ? Aggregate::last : resampling_.aggregate;
    if (rows.empty() && aggregate == Aggregate::sum) return 0.0;
    present_.clear();
    for (const std::size_t row : rows) {
      const double value = from_[row * keeps_last_.size() + column];
      if (!std::isnan(value)) present_.push_back(value);
    }
    const double value = aggregate_of(present_, aggregate);
    if (std::isinf(value))
      fail<DataError>("{}:{}: the {} of the {} from {} on overflows, expected a finite number", axis_.file,
                      line_, to_string(resampling_), axis_.unique_id.empty() ? "rows" : axis_.unique_id,
                      axis_.format.format(stamps.back()));
    return value;
  }

  const TimeAxis& axis_;
  const std::vector<double>& from_;
  const std::vector<bool>& keeps_last_;
  const Resampling& resampling_;
  std::vector<double> present_;
  std::int64_t line_ = 0;
};

}  // namespace

Resampling parse_resampling(std::string_view text) {
  const auto colon = text.find(':');
  const auto name = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  const auto found = std::find_if(kAggregates.begin(), kAggregates.end(),
                                  [name](const auto& aggregate) { return aggregate.first == name; });
  if (found == kAggregates.end())
    fail<ConfigError>("{}: expected a frequency and sum, mean, min, max, first, last or count, as in 1h:mean",
                      in_quotes(text));
  return {parse_frequency(text.substr(0, colon)), found->second};
}

std::string to_string(const Resampling& resampling) {
  const auto found = std::find_if(kAggregates.begin(), kAggregates.end(), [&](const auto& aggregate) {
    return aggregate.second == resampling.aggregate;
  });
  return fmt::format("{}:{}", step_name(resampling.frequency), found->first);
}

Periods::Periods(const Frequency& frequency, Timestamp first) : frequency_(frequency) {
  using Unit = Frequency::Unit;
  if (const auto seconds = unit_seconds(frequency.unit); seconds > 0) {
    step_ = seconds * frequency.multiple;
    const auto day = frequency.unit == Unit::week ? day_number(first) - weekday(first) : day_number(first);
    origin_ = day * kSecondsPerDay;
  } else if (const auto months = unit_months(frequency.unit); months > 0) {
    step_ = months * frequency.multiple;
    origin_ = floor_divide(month_of(first), months) * months;
  } else {
    step_ = frequency.multiple;
    origin_ = working_day(first);
  }
}

std::int64_t Periods::index(Timestamp stamp) const {
  if (unit_seconds(frequency_.unit) > 0) return floor_divide(stamp.seconds - origin_, step_);
  const auto place = unit_months(frequency_.unit) > 0 ? month_of(stamp) : working_day(stamp);
  return floor_divide(place - origin_, step_);
}

Timestamp Periods::stamp(std::int64_t index) const {
  const auto begin = origin_ + index * step_;
  if (unit_seconds(frequency_.unit) > 0) return {begin};
  if (unit_months(frequency_.unit) > 0) {
    const auto month = frequency_.month_end ? begin + step_ - 1 : begin;
    CivilTime time;
    time.year = floor_divide(month, 12);
    time.month = static_cast<int>(month - time.year * 12) + 1;
    time.day = frequency_.month_end ? days_in_month(time.year, time.month) : 1;
    if (!is_valid(time))
      fail<DataError>("time stamps: a period of {} leads outside the years 1 to 9999", step_name(frequency_));
    return to_timestamp(time);
  }
  const auto week = floor_divide(begin, 5);
  return {(week * 7 + begin - week * 5 + kMonday) * kSecondsPerDay};
}

void resample(TimeAxis& axis, std::vector<double>& values, const std::vector<bool>& keeps_last,
              const Resampling& resampling, std::size_t most_empty, ResampleCount& count) {
  const auto order = in_time(axis.stamps);
  const Periods periods(resampling.frequency, axis.stamps[order.front()]);
  const auto first = periods.index(axis.stamps[order.front()]);
  Resampler to(axis, values, keeps_last, resampling);
  auto next = first;
  for (std::size_t begin = 0; begin < order.size();) {
    const auto period = periods.index(axis.stamps[order[begin]]);
    auto end = begin;
    while (end < order.size() && periods.index(axis.stamps[order[end]]) == period) ++end;
    count.empty += static_cast<std::size_t>(period - next);
    // A few rows far apart must not fill the memory.
    if (count.empty > most_empty)
      fail<DataError>("{}:{}: {}{} steps of {} without a row so far, more than {} (choose a longer step)",
                      axis.file, axis.lines[order[begin]],
                      axis.unique_id.empty() ? "" : fmt::format("series {}: ", axis.unique_id), count.empty,
                      step_name(resampling.frequency), most_empty);
    for (; next < period; ++next) to.add_period(periods.stamp(next), {});
    to.add_period(periods.stamp(next++), std::span(order).subspan(begin, end - begin));
    begin = end;
  }
  count.rows += order.size();
  count.periods += to.stamps.size();
  values = std::move(to.values);
  axis.stamps = std::move(to.stamps);
  axis.lines = std::move(to.lines);
}

}  // namespace arzoo::io
