#pragma once

#include <filesystem>

#include "core/series_table.h"
#include "forecast/forecast_model.h"

namespace arzoo::tasks {

/// One SVG per forecast variate in `folder` (made if it is not there): history, forecast, intervals. Returns
/// the files' paths. Throws SystemFailure when the folder cannot be written.
Json write_charts(const std::filesystem::path& folder, const std::vector<SeriesTable>& tables,
                  const std::vector<forecast::SeriesForecast>& forecasts,
                  const std::vector<std::vector<std::string>>& ids);

}  // namespace arzoo::tasks
