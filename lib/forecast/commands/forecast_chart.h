#pragma once

#include <filesystem>

#include "forecast/forecast_model.h"
#include "io/series_table.h"

namespace arzoo::forecast {

/// One forecast per series from the stretches of a backtest, which follow one another: [stretches][series].
std::vector<SeriesForecast> joined(const std::vector<std::vector<SeriesForecast>>& stretches);

/// One SVG per forecast variate in `folder` (made if it is not there): history, forecast, intervals, and the
/// truth where the table goes on beyond the forecast's first step (a backtest). Returns the files' paths.
/// Throws as make_folder and AtomicFile do.
Json write_charts(const std::filesystem::path& folder, const std::vector<io::SeriesTable>& tables,
                  const std::vector<SeriesForecast>& forecasts,
                  const std::vector<std::vector<std::string>>& ids);

}  // namespace arzoo::forecast
