#pragma once

#include <cstdint>
#include <vector>

#include "io/series_table.h"

namespace arzoo::io {

/// Inserts the rows that a regular axis lacks, as NaN: missing[i] many between rows i and i + 1 (see
/// missing_rows()). Adds a note if there are any.
void insert_missing_rows(SeriesTable& series, const std::vector<std::int64_t>& missing);

/// Replaces every NaN according to `policy`, which is not `error`, marks it in `filled` and adds a note per
/// variate that had any. Throws DataError for ffill without a value to start from.
void fill_missing_cells(SeriesTable& series, MissingPolicy policy);

/// The first `rows` rows, their gaps filled from these rows alone: the table as it would be had the file
/// ended there. Throws DataError for a variate without a measured cell in them.
SeriesTable first_rows(const SeriesTable& series, std::size_t rows);

/// Repeats the first row before it until there are `rows`, one step apart; none of the new cells counts as
/// measured. Adds a note. Throws DataError where the stamps would leave the calendar.
void pad_front(SeriesTable& series, std::size_t rows);

}  // namespace arzoo::io
