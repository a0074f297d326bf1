#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "io/csv.h"
#include "io/date_format.h"

namespace arzoo::io {

/// How 03/04/2016 is read. Automatic: a first number above 12 anywhere in the column means day first, else
/// month first.
enum class DayOrder { automatic, day_first, month_first };

struct DateColumn {
  DateFormat format;
  std::vector<Timestamp> stamps;      ///< one per row, as written: zones are not applied
  std::vector<std::int32_t> offsets;  ///< seconds that each row's zone is ahead of UTC; empty without zones
  std::string note;  ///< says so when the order of day and month had to be guessed; else empty
};

/// What becomes of fractions of a second.
enum class Fractions { refused, cut };

/// Reads a column of dates that are all written in one way. Throws DataError "file:line: column ..." for an
/// empty cell, a fraction of a second that is not to be cut, or a cell that is not written as the first one.
DateColumn read_date_column(const CsvTable& table, std::size_t column, DayOrder order = DayOrder::automatic,
                            Fractions fractions = Fractions::refused);

/// Whether every cell of the column is a date, written in one way.
bool holds_dates(const CsvTable& table, std::size_t column, Fractions fractions = Fractions::refused);

}  // namespace arzoo::io
