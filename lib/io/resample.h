#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/frequency.h"
#include "io/time_axis.h"

namespace arzoo::io {

/// What becomes of the values that fall into one period.
enum class Aggregate { sum, mean, min, max, first, last, count };

/// Rows at any moments, brought onto a regular axis: one row per period of `frequency`.
struct Resampling {
  Frequency frequency;
  Aggregate aggregate = Aggregate::mean;
};

/// Reads "1h:mean": a frequency and one of sum, mean, min, max, first, last, count. Throws ConfigError.
Resampling parse_resampling(std::string_view text);
std::string to_string(const Resampling& resampling);

/// Numbers the periods of a frequency. A period bears the stamp of its first moment; with month_end, that of
/// its last day. Seconds to days are counted from midnight of the first stamp's day, weeks from Monday,
/// months, quarters and years from the calendar's; Saturday and Sunday belong to Friday's business day.
class Periods {
 public:
  Periods(const Frequency& frequency, Timestamp first);
  std::int64_t index(Timestamp stamp) const;
  Timestamp stamp(std::int64_t index) const;

 private:
  Frequency frequency_;
  std::int64_t step_ = 0;    ///< seconds, or months; of business days the multiple
  std::int64_t origin_ = 0;  ///< second, month or business day at which period 0 begins
};

/// How many rows a file's series had and have, for its note.
struct ResampleCount {
  std::size_t rows = 0, periods = 0, empty = 0;
};

/// The rows of a series, in any order and any distance, as one row per period from its first to its last.
/// values: [rows, width], NaN where missing; keeps_last: of each column, whether it is no number to compute
/// with (a category, a static covariate) and takes the period's last value. A period without a row has the
/// sum 0 and the count 0; all else is missing there. A missing cell counts for nothing. Both `axis` and
/// `values` are replaced; `count` is added to. Throws DataError for more than `most_empty` empty periods in
/// all that `count` has seen, and for a sum that overflows.
void resample(TimeAxis& axis, std::vector<double>& values, const std::vector<bool>& keeps_last,
              const Resampling& resampling, std::size_t most_empty, ResampleCount& count);

}  // namespace arzoo::io
