#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/config.h"

/// Folders of trained image models:
///
///     config.json         what ModelFolder says
///     model.safetensors   the weights, under the official names
///     vae/                of a model that generates tokens: its tokenizer, a folder like this one
namespace arzoo::image {

/// A model folder's metadata, besides its weights.
struct ModelFolder {
  std::filesystem::path path;  ///< where the weights are
  Json model;                  ///< the model's options, "name" first
  std::vector<std::string> classes = {};
  int64_t channels = 3;  ///< of the pictures that it learnt from, 1 or 3
  Json sampling = {};    ///< options of generation that the author chose; an object, or null
};

/// config.json of a model folder.
Json folder_json(const ModelFolder& folder);
/// The folder that `path`, a run directory or a model folder, means; nothing when there is no config.json of
/// ours in it. Throws ConfigError, UsageError for the folder of another family.
std::optional<ModelFolder> find_model_folder(const std::filesystem::path& path);

}  // namespace arzoo::image
