#pragma once

#include <memory>

#include "runtime/model_folder.h"
#include "runtime/named_tensors.h"
#include "shape3d/data_options.h"

namespace arzoo::shape3d {

/// What config.json of a shape model tells of the shapes that it learnt from.
struct LearntShapes {
  static constexpr std::string_view kFamily = "shape3d";

  int64_t surface_points = 512;

  static void fields(auto& o, auto& field) {
    field("surface_points", o.surface_points, between(1, 1e6), "points of the finest cloud");
  }
};

using ModelFolder = runtime::ModelFolder<LearntShapes>;

/// The folder that `path`, a run directory or a model folder, means. Throws CheckpointError when there is no
/// config.json of ours in it, UsageError for the folder of another family, ConfigError.
ModelFolder open_model_folder(const std::filesystem::path& path);

/// A model of such a folder, with its weights in this type, for inference. Throws CheckpointError, UsageError
/// for a folder of another model.
template <class Model, class Options>
std::shared_ptr<Model> load_model(const ModelFolder& folder, at::ScalarType type) {
  auto model = std::make_shared<Model>(runtime::options_in<Options>(folder));
  model->set_type(type);
  runtime::load_strictly(*model, runtime::open_tensors(folder.path), folder.path.string());
  model->eval();
  return model;
}

}  // namespace arzoo::shape3d
