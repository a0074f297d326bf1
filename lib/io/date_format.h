#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/calendar.h"
#include "io/date_reader.h"

namespace arzoo::io {

/// How a column writes its dates: reads them and writes further ones in the same way, zone (Z, +02:00)
/// included. Months, quarters and years are their first moment.
class DateFormat {
 public:
  /// ISO: 2016-07-01 00:00:00.
  DateFormat() : DateFormat("Y-m-d H:M:S") {}
  /// A pattern: Y m d H M S, I hour from 1 to 12, p AM or PM, b month name, q quarter, f digits of a
  /// fraction, z zone, E epoch seconds, L epoch milliseconds; any other character stands for itself.
  explicit DateFormat(std::string_view pattern) : pattern_(pattern) {}

  /// The formats that read `cell`, most likely first: "03/04/2016" gives month first, then day first;
  /// "2016070105" an hour, then epoch seconds.
  static std::vector<DateFormat> matching(std::string_view cell);
  /// The formats that are known, for messages.
  static std::string known();

  std::optional<DateReading> read(std::string_view cell) const { return read_date(pattern_, cell); }
  std::string format(Timestamp stamp) const;
  /// Whether `stamp` reads back as it is: a format without a time of day shows midnights alone.
  bool shows(Timestamp stamp) const;

  /// Follows what the column's cells looked like: digits of numbers below 10 and of fractions, letter case,
  /// the zone.
  void adopt(const DateReading& reading);
  const std::string& pattern() const { return pattern_; }
  /// The pattern as people write it: "YYYY-MM-DD hh:mm".
  std::string layout() const;
  /// Seconds that the zone in which stamps are written is ahead of UTC; nothing without one.
  std::optional<std::int32_t> offset() const;
  bool has_zone() const { return pattern_.find('z') != std::string::npos; }

 private:
  std::string month_name(int month) const;
  std::string half_day(int hour) const;

  std::string pattern_;
  bool short_date_ = false, short_hour_ = false;
  bool full_month_ = false;
  LetterCase month_case_ = LetterCase::capitalised;
  int fraction_digits_ = 0;
  std::string half_day_ = " AM";
  std::string zone_ = "Z";
};

}  // namespace arzoo::io
