#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "forecast/forecast_model.h"
#include "io/series_table.h"
#include "plan/tasks.h"
#include "runtime/family_command.h"

namespace arzoo::forecast {

/// The resolved config of the run that the model at `place` comes from: a run directory or the model folder
/// in it. Nothing for a baseline, a published folder and an ensemble.
std::optional<Json> training_config(const std::filesystem::path& place);

/// The tables as a CSV file that a training reads: wide of one table, long (unique_id, ds, …) of several, or
/// with as_long. Cells that were not measured are empty.
void write_training_rows(const std::vector<io::SeriesTable>& tables, const std::filesystem::path& file,
                         bool as_long);

/// Trains a model as `config`, of a run, says, but on these tables alone, of which it validates on the share
/// that the config's training and validation rows have; opens it. Throws UsageError for a config whose
/// training cannot be repeated on a table: sequences without a calendar, columns of texts.
ForecastModel refitted(const Json& config, const std::vector<io::SeriesTable>& tables,
                       const plan::ForecastTask& task, const runtime::CommandContext& context);

}  // namespace arzoo::forecast
