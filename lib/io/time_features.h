#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "io/calendar.h"

namespace arzoo::io {

/// Calendar covariates of the Informer line of models (its utils/timefeatures.py), row-major [rows, count].
/// `code` is a letter of frequency_code(): s t h d b w m q a. Unknown letters throw ConfigError.

/// timeenc=1 (embed=timeF): how many values per stamp. h: hour, weekday, day of month, day of year; t:
/// minute, then those of h; s: second, then those of t; d and b: weekday, day of month, day of year; w: day
/// of month, ISO week; m and q: month; a: none.
std::size_t time_feature_count(char code);
/// Each value lies in [-0.5, 0.5]; the 366th day and the 53rd week give exactly 0.5. `out` has rows * count
/// elements.
void fill_time_features(std::span<const Timestamp> stamps, char code, std::span<double> out);

/// timeenc=0 (embed=fixed or learned), whole numbers from month, day, weekday (Monday 0), hour, minute / 15.
enum class TimeCodes {
  thuml,  ///< Autoformer and its successors: the first four always, the fifth in minute files (codes t and s)
  informer  ///< Informer2020: m, w: month; d, b: three; h: four; t: five; a: none; ConfigError for s and q
};
std::size_t time_code_count(TimeCodes layout, char code);
void fill_time_codes(std::span<const Timestamp> stamps, TimeCodes layout, char code,
                     std::span<std::int64_t> out);

}  // namespace arzoo::io
