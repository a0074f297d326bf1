#pragma once

#include <torch/nn/module.h>

#include <optional>

#include "shape3d/data_options.h"
#include "shape3d/shape_vae_model.h"

/// Folders of trained shape models:
///
///     config.json         what ShapeFolder says
///     model.safetensors   the weights, under the official names
///     vae/                of a model that generates tokens: its shape VAE, a folder like this one
namespace arzoo::shape3d {

/// A model folder's metadata, besides its weights.
struct ShapeFolder {
  std::filesystem::path path;  ///< where the weights are
  Json model;                  ///< the model's options, "name" first
  std::vector<std::string> classes = {};
  int64_t surface_points = 512;  ///< of the finest cloud that it learnt from
  Json sampling = {};            ///< options of generation that the author chose; an object, or null
};

Json folder_json(const ShapeFolder& folder);
/// The folder that `path`, a run directory or a model folder, means. Throws CheckpointError when there is no
/// config.json of ours in it, UsageError for the folder of another family, ConfigError.
ShapeFolder open_shape_folder(const std::filesystem::path& path);
/// Writes folder.path/config.json and model.safetensors, floating-point weights in `type` if one is given.
void save_shape_model(const ShapeFolder& folder, const torch::nn::Module& model,
                      std::optional<at::ScalarType> type = std::nullopt);

/// A shape VAE of such a folder, for inference in this type. Throws CheckpointError, UsageError for a folder
/// of another model.
std::shared_ptr<ShapeVae> load_shape_vae(const ShapeFolder& folder, at::ScalarType type);

}  // namespace arzoo::shape3d
