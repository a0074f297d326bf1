#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/chart.h"
#include "forecast/forecast_model.h"
#include "io/series_table.h"

namespace arzoo::forecast {

/// Number `channel` of a tensor [steps, channels].
std::vector<double> column_of(const at::Tensor& values, int64_t channel);

/// History, forecast, intervals, and the truth where the table goes on beyond the forecast's first step.
FanChart fan_chart(const io::SeriesTable& table, const SeriesForecast& forecast, const std::string& id,
                   int64_t channel);

/// One forecast per series from the stretches of a backtest, which follow one another: [stretches][series].
std::vector<SeriesForecast> joined(const std::vector<std::vector<SeriesForecast>>& stretches);

/// One SVG per forecast variate in `folder` (made if it is not there): history, forecast, intervals, and the
/// truth where the table goes on beyond the forecast's first step (a backtest). Returns the files' paths.
/// Throws as make_folder and AtomicFile do.
Json write_charts(const std::filesystem::path& folder, const std::vector<io::SeriesTable>& tables,
                  const std::vector<SeriesForecast>& forecasts,
                  const std::vector<std::vector<std::string>>& ids);

}  // namespace arzoo::forecast
