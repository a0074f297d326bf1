#include "forecast/forecast_location.h"

#include "core/run_dir.h"
#include "forecast/official_folders.h"

namespace arzoo::forecast {
namespace {

namespace fs = std::filesystem;

/// Whether a config.json says which model it is of.
bool names_a_model(const Config& config) {
  return config.has("family") || config.has("model") || config.has("model_type") ||
         config.has("architectures");
}

}  // namespace

ForecastLocation locate_forecaster(const fs::path& path, const std::optional<Config>& config) {
  if (!fs::exists(path))
    fail<CheckpointError>(
        "{}: no such file or folder (expected a run directory, a checkpoint folder or a weights file)",
        path.string());
  if (config) return {path, *config};
  if (!fs::is_directory(path))
    fail<UsageError>("{}: a weights file needs its configuration as well (--config FILE)", path.string());
  const fs::path folder = nn::is_lora_adapter(path / "model") ? path / "model" : model_place(path);
  if (nn::is_lora_adapter(folder)) {
    auto adapter = nn::LoraAdapter::open(folder);
    const auto model = adapter.base(folder);
    if (nn::is_lora_adapter(model))
      fail<CheckpointError>("{}: an adapter of an adapter, expected the folder of a model", folder.string());
    auto base = locate_forecaster(model, std::nullopt);
    base.adapter = std::move(adapter);
    return base;
  }
  const bool has_config = fs::exists(folder / "config.json");
  if (has_config) {
    auto own = Config::load(folder / "config.json");
    if (names_a_model(own)) return {folder, std::move(own)};
  }
  if (fs::exists(folder / "model.safetensors")) {
    if (auto found = config_of_tensors(folder)) return {folder, std::move(*found)};
  }
  if (!has_config) {
    fail<CheckpointError>(
        "{}: no config.json in it (expected a run directory or a checkpoint folder; did the run save a model "
        "yet?)",
        path.string());
  }
  return {folder, Config::load(folder / "config.json")};
}

}  // namespace arzoo::forecast
