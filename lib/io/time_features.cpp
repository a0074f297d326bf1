#include "io/time_features.h"

#include <array>
#include <stdexcept>
#include <string_view>

#include "core/error.h"

namespace arzoo::io {
namespace {

/// A stamp's calendar fields, computed once for all features of a row.
struct Fields {
  explicit Fields(Timestamp at) : stamp(at), time(to_civil(at)) {}
  Timestamp stamp;
  CivilTime time;
};

using Feature = double (*)(const Fields&);

double second(const Fields& f) { return f.time.second / 59.0 - 0.5; }
double minute(const Fields& f) { return f.time.minute / 59.0 - 0.5; }
double hour(const Fields& f) { return f.time.hour / 23.0 - 0.5; }
double day_of_week(const Fields& f) { return weekday(f.stamp) / 6.0 - 0.5; }
double day_of_month(const Fields& f) { return (f.time.day - 1) / 30.0 - 0.5; }
double day_in_year(const Fields& f) { return (day_of_year(f.stamp) - 1) / 365.0 - 0.5; }
double week_of_year(const Fields& f) { return (iso_week(f.stamp) - 1) / 52.0 - 0.5; }
double month_of_year(const Fields& f) { return (f.time.month - 1) / 11.0 - 0.5; }

constexpr std::array<Feature, 6> kBySecond = {second, minute, hour, day_of_week, day_of_month, day_in_year};
constexpr std::array<Feature, 2> kByWeek = {day_of_month, week_of_year};
constexpr std::array<Feature, 1> kByMonth = {month_of_year};

[[noreturn]] void fail_code(char code, std::string_view known) {
  fail<ConfigError>("frequency code \"{}\" has no time features here, expected one of {}", code, known);
}

/// Coarser steps drop the finest features, so most sets are tails of kBySecond.
std::span<const Feature> features_of(char code) {
  const std::span<const Feature> by_second(kBySecond);
  switch (code) {
    case 's':
      return by_second;
    case 't':
      return by_second.subspan(1);
    case 'h':
      return by_second.subspan(2);
    case 'd':
    case 'b':
      return by_second.subspan(3);
    case 'w':
      return kByWeek;
    case 'm':
    case 'q':
      return kByMonth;
    case 'a':
      return {};
    default:
      fail_code(code, "s t h d b w m q a");
  }
}

void require_size(std::size_t rows, std::size_t count, std::size_t size) {
  if (size != rows * count) throw std::logic_error("time features: buffer of the wrong size");
}

}  // namespace

std::size_t time_feature_count(char code) { return features_of(code).size(); }

void fill_time_features(std::span<const Timestamp> stamps, char code, std::span<double> out) {
  const auto features = features_of(code);
  require_size(stamps.size(), features.size(), out.size());
  auto* to = out.data();
  for (const auto stamp : stamps) {
    const Fields fields(stamp);
    for (const auto feature : features) *to++ = feature(fields);
  }
}

std::size_t time_code_count(TimeCodes layout, char code) {
  if (layout == TimeCodes::thuml) return features_of(code).size() >= 5 ? 5 : 4;
  switch (code) {
    case 't':
      return 5;
    case 'h':
      return 4;
    case 'd':
    case 'b':
      return 3;
    case 'w':
    case 'm':
      return 1;
    case 'a':
      return 0;
    default:
      fail_code(code, "t h d b w m a");
  }
}

void fill_time_codes(std::span<const Timestamp> stamps, TimeCodes layout, char code,
                     std::span<std::int64_t> out) {
  const std::size_t count = time_code_count(layout, code);
  require_size(stamps.size(), count, out.size());
  auto* to = out.data();
  for (const auto stamp : stamps) {
    const CivilTime time = to_civil(stamp);
    const std::array<std::int64_t, 5> codes = {time.month, time.day, weekday(stamp), time.hour,
                                               time.minute / 15};
    for (std::size_t i = 0; i < count; ++i) *to++ = codes[i];
  }
}

}  // namespace arzoo::io
