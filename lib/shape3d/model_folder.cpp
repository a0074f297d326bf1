#include "shape3d/model_folder.h"

namespace arzoo::shape3d {

ModelFolder open_model_folder(const std::filesystem::path& path) {
  auto found = runtime::read_model_folder<LearntShapes>(path);
  if (!found)
    fail<CheckpointError>("{}: no config.json, expected a run directory or a model folder", path.string());
  return std::move(*found);
}

}  // namespace arzoo::shape3d
