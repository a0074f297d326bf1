#pragma once

#include "runtime/model_folder.h"

namespace arzoo::image {

/// What config.json of an image model tells of the pictures that it learnt from.
struct LearntPictures {
  static constexpr std::string_view kFamily = "image";

  int64_t channels = 3;

  static void fields(auto& o, auto& field) { field("channels", o.channels, between(1, 3), "1 or 3"); }
};

using ModelFolder = runtime::ModelFolder<LearntPictures>;

/// The folder that `path`, a run directory or a model folder, means; nothing when there is no config.json of
/// ours in it. Throws ConfigError, UsageError for the folder of another family.
inline std::optional<ModelFolder> find_model_folder(const std::filesystem::path& path) {
  return runtime::read_model_folder<LearntPictures>(path);
}

}  // namespace arzoo::image
