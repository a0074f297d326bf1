#pragma once

#include <filesystem>

#include "core/series_table.h"
#include "forecast/forecast_model.h"

namespace arzoo::tasks {

/// Joins the next stretch of each series of a backtest to those before it.
void append_stretches(std::vector<forecast::SeriesForecast>& stretches,
                      const std::vector<forecast::SeriesForecast>& next);

/// One SVG per forecast variate in `folder` (made if it is not there): history, forecast, intervals, and the
/// truth where the table goes on beyond the forecast's first step (a backtest). Returns the files' paths.
/// Throws as make_folder and AtomicFile do.
Json write_charts(const std::filesystem::path& folder, const std::vector<SeriesTable>& tables,
                  const std::vector<forecast::SeriesForecast>& forecasts,
                  const std::vector<std::vector<std::string>>& ids);

}  // namespace arzoo::tasks
