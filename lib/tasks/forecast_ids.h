#pragma once

#include <string>
#include <vector>

#include "core/series_table.h"
#include "forecast/forecast_model.h"

namespace arzoo::tasks {

/// The series of all input files, in order.
struct ForecastInputs {
  std::vector<SeriesTable> tables;
  std::vector<bool> is_long;  ///< whether the table comes from a long file
};

/// The unique_id of each forecast variate of each table. A wide file's variates are series of their own,
/// named after their columns; a long file's series keeps its id, and covariates that are forecast too are
/// "id/covariate". With several files, ids that would be equal are preceded by the file's stem.
std::vector<std::vector<std::string>> output_ids(const ForecastInputs& inputs,
                                                 const forecast::ForecastModel& model);

}  // namespace arzoo::tasks
