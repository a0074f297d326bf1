#pragma once

#include <filesystem>

#include "core/config.h"
#include "forecast/data/series_data.h"
#include "forecast/scores/conformal.h"

namespace arzoo::forecast {

/// Writes a trained forecaster into an empty folder: config.json says model, shape, columns, scalers and
/// the rows that training saw, and the loss of a distribution; model.safetensors has the official key names;
/// conformal.safetensors the scores of the validation windows, when there are any.
void save_forecast_model(const std::filesystem::path& folder, const Config& config, const SeriesData& data,
                         const Forecaster& model, const ConformalScores& scores);

/// What save_forecast_model writes into config.json: a run's config, and what its training data tell.
Json model_config(const Config& run, const SeriesData& data);

/// The scores that save_forecast_model wrote beside the weights, empty where there are none. Throws
/// CheckpointError.
ConformalScores load_forecast_scores(const std::filesystem::path& folder, const SeriesShape& shape);

}  // namespace arzoo::forecast
