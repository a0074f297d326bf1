#pragma once

#include <filesystem>
#include <optional>

#include "core/config.h"
#include "nn/lora.h"

namespace arzoo::forecast {

/// The folder or file whose weights `path` means, and its config: the given one, that beside them, or what
/// the weights themselves say.
struct ForecastLocation {
  std::filesystem::path weights;
  Config config;
  std::optional<nn::LoraAdapter> adapter = std::nullopt;  ///< to be merged into the weights
};

/// path: a run directory, a model folder, a published folder, an adapter folder, or with `config` a weights
/// file. Throws CheckpointError for a path that is none of these, UsageError for a weights file without its
/// config.
ForecastLocation locate_forecaster(const std::filesystem::path& path, const std::optional<Config>& config);

}  // namespace arzoo::forecast
