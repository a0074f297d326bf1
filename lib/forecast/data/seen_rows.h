#pragma once

#include <map>
#include <string>

#include "core/config.h"
#include "forecast/data/series_data.h"
#include "io/calendar.h"

namespace arzoo::forecast {

/// The rows of a series that training looked at: a forecast of them is no test of the model.
struct SeenRows {
  io::Timestamp first, last_trained;  ///< the weights were fitted to these
  io::Timestamp last_validated;       ///< those after them chose the epoch and calibrated the intervals
};

/// Of each series that has training rows, by its name.
std::map<std::string, SeenRows> seen_rows(const SeriesData& data);

/// {"name": ["2016-07-01 00:00:00", …], …}: first, last trained, last validated.
Json seen_rows_json(const std::map<std::string, SeenRows>& rows);
/// Throws ConfigError.
std::map<std::string, SeenRows> read_seen_rows(const Config& json);

}  // namespace arzoo::forecast
