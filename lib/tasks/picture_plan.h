#pragma once

#include "image/image_generator.h"
#include "plan/tasks.h"

namespace arzoo::tasks {

/// One picture of a run of generate-image.
struct PlannedPicture {
  int64_t index = 0;       ///< its number
  int64_t label = 0;       ///< classes() of the generator: no class
  uint64_t seed = 0;       ///< of its own stream
  std::string class_name;  ///< "sneaker", "207" or "none"
};

/// The pictures that the task asks for, `count` of each class. "random": each picture's class follows from
/// its seed. Throws UsageError for a class that the model does not know, with the nearest name.
std::vector<PlannedPicture> plan_pictures(const plan::GenerateImageTask& task,
                                          const image::ImageGenerator& generator);

/// Columns of the grid that shows them: a row per class, when there are several of each.
int64_t grid_columns(const plan::GenerateImageTask& task, std::size_t pictures);

/// "000012_sneaker", for a file name.
std::string file_stem(const PlannedPicture& picture);

}  // namespace arzoo::tasks
