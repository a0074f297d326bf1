#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fuzz/commands/command_target.h"
#include "plan/tasks.h"

/// Forecasters with random weights, for the commands that need a model. No torch in here.
namespace arzoo::fuzz {

/// What each small model forecasts.
inline const std::vector<std::string> kSampleVariates = {"a", "b"};

/// An hourly series of these variates, as the text of a wide CSV file.
std::string sample_csv();

/// Those of configs/forecast/NAME_tiny.json, each with another model.
const std::vector<std::string>& small_models();

/// Writes the model of configs/forecast/NAME_tiny.json as training leaves it, with two hourly variates:
/// config.json, model.safetensors, and conformal.safetensors for prediction intervals.
void write_small_model(const fs::path& folder, const std::string& name);
/// Writes Time-MoE as it is published: it forecasts any series.
void write_zero_shot_model(const fs::path& folder);

/// A task of `arzoo forecast` with the model in that folder.
plan::ForecastTask forecast_task(const fs::path& model);

/// forecast --stream with a model that is opened once: each call answers the lines of std::cin.
std::function<void()> open_stream(const plan::ForecastTask& task);

}  // namespace arzoo::fuzz
