#pragma once

#include "core/config.h"

namespace arzoo::image {

/// The "data" section of an image model's config. No torch in here.
struct DataOptions {
  std::string path;

  static void fields(auto& o, auto& field) {
    field("path", o.path, {}, "folder of pictures, one sub-folder per class, relative to the config file");
  }
};

/// The "evaluation" section of an image model's config.
struct EvaluationOptions {
  int64_t batch_size = 16;

  static void fields(auto& o, auto& field) {
    field("batch_size", o.batch_size, at_least(1), "pictures at once; results do not depend on it");
  }
};

}  // namespace arzoo::image
