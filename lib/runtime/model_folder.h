#pragma once

#include <torch/nn/module.h>

#include <filesystem>
#include <optional>
#include <string>

#include "core/config.h"

/// Folders that hold a trained model: config.json of ours ("family", "model", …) and its weights.
namespace arzoo::runtime {

/// The folder that `path`, a run directory or a model folder, means, and its config.json.
struct FoundFolder {
  std::filesystem::path path;  ///< where config.json and the weights are
  Config config;
};
/// Nothing where there is no config.json of ours. Throws ConfigError for one that is no JSON.
std::optional<FoundFolder> find_model_folder(const std::filesystem::path& path);

/// The same, of this family. Throws UsageError for the folder of another family.
std::optional<FoundFolder> find_model_folder(const std::filesystem::path& path, std::string_view family);

/// The name of the model in such a folder.
std::optional<std::string> model_name_in(const std::filesystem::path& path);

/// Writes the folder of a trained model, which is made if it is not there: config.json and model.safetensors,
/// the parameters and buffers under their official names; floating-point ones in `type` if one is given.
void write_model_folder(const std::filesystem::path& folder, const Json& config,
                        const torch::nn::Module& model, std::optional<at::ScalarType> type = std::nullopt);

}  // namespace arzoo::runtime
