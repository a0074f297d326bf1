#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "io/date_format.h"
#include "io/frequency.h"

namespace arzoo::io {

/// The time stamps of one series and where they stand in the file, for messages.
struct TimeAxis {
  std::string file;
  std::string unique_id;  ///< named in messages if the file holds several series, else empty
  std::vector<Timestamp> stamps;
  std::vector<std::int64_t> lines;  ///< one per stamp
  DateFormat format;
  std::string option_prefix = {};  ///< as SeriesReadOptions has it
  bool zone_changes = false;       ///< not all stamps were written in one time zone
};

/// "1h", "15min": in a sentence a bare unit would not read as a step.
std::string step_name(const Frequency& frequency);

/// A plain M, Q or Y leaves month_end open: it is taken from the stamps.
Frequency anchored(Frequency frequency, std::span<const Timestamp> stamps);

/// Puts stamps as written, with `offsets` ahead of UTC, on one clock. Rows of one time of day or one step
/// (days, months) stay as written; others become what the last row's zone shows, so that an hour stays an
/// hour when daylight saving time comes or goes. Returns whether the zone changes; without offsets it does
/// not.
bool settle_zone(std::vector<Timestamp>& stamps, std::span<const std::int32_t> offsets);

/// Throws DataError, naming both lines, unless every stamp is later than the one before.
void require_increasing(const TimeAxis& axis);

/// The step that most neighbours keep: months, quarters or years if all stamps share their day of the month
/// (or are month ends), business days if no stamp is a weekend, else the most frequent distance. `stamps`: at
/// least two, increasing.
Frequency likely_frequency(std::span<const Timestamp> stamps);

/// The frequency of an increasing axis: `given` if not null, else the likely one. Throws DataError for one
/// stamp and no given frequency, and for a given step that the file's way to write dates cannot show.
Frequency frequency_of(const TimeAxis& axis, const Frequency* given);

/// Rows that a regular axis would have between neighbours: result[i] many between stamps i and i + 1. Throws
/// DataError, naming line and both stamps, for a stamp that no whole number of steps reaches, and for any
/// missing row unless `gaps_allowed`; also when more rows are missing than there are.
std::vector<std::int64_t> missing_rows(const TimeAxis& axis, const Frequency& frequency, bool gaps_allowed);

}  // namespace arzoo::io
