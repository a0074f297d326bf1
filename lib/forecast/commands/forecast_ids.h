#pragma once

#include <string>
#include <vector>

#include "forecast/commands/forecast_inputs.h"
#include "forecast/forecast_model.h"

namespace arzoo::forecast {

/// The unique_id of each forecast variate of each table; no two are equal. A wide file's variates are series
/// of their own, named after their columns; a long file's series keeps its id, and covariates that are
/// forecast too are "id/covariate". If two files have a series of one name, all ids are preceded by their
/// file's name, and by as many of its folders as tell the files apart. What is equal even then is numbered:
/// "a", "a#2".
std::vector<std::vector<std::string>> output_ids(const ForecastInputs& inputs, const ForecastModel& model);

}  // namespace arzoo::forecast
