#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/calendar.h"

namespace arzoo {

/// One cell read by a DateFormat.
struct DateReading {
  Timestamp stamp;
  bool short_date = false;    ///< a month or day below 10 was written with one digit
  bool short_hour = false;    ///< so was an hour
  bool whole_seconds = true;  ///< false if a fraction of a second was cut off
  int fraction_digits = 0;
};

/// How a column writes its dates: reads them and writes further ones in the same way. A zone (Z, +02:00) is
/// turned into UTC when reading; writing then says Z. Months, quarters and years are their first moment.
class DateFormat {
 public:
  /// ISO: 2016-07-01 00:00:00.
  DateFormat() : DateFormat("Y-m-d H:M:S") {}
  /// A pattern: Y m d H M S, b month name, q quarter, f digits of a fraction, z zone, E epoch seconds, L
  /// epoch milliseconds; any other character stands for itself.
  explicit DateFormat(std::string_view pattern) : pattern_(pattern) {}

  /// The formats that read `cell`, likeliest first: "03/04/2016" gives month first, then day first.
  static std::vector<DateFormat> matching(std::string_view cell);
  /// The formats that are known, for messages.
  static std::string known();

  std::optional<DateReading> read(std::string_view cell) const;
  std::string format(Timestamp stamp) const;

  /// Follows what the column's cells looked like: digits of numbers below 10 and of fractions.
  void adopt(const DateReading& reading);
  const std::string& pattern() const { return pattern_; }
  /// The pattern as people write it: "YYYY-MM-DD hh:mm".
  std::string layout() const;
  bool has_zone() const { return pattern_.find('z') != std::string::npos; }

 private:
  std::string pattern_;
  bool short_date_ = false, short_hour_ = false;
  int fraction_digits_ = 0;
};

}  // namespace arzoo
