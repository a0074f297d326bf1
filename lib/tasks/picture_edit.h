#pragma once

#include "image/image_generator.h"
#include "plan/tasks.h"

namespace arzoo::tasks {

/// Tells the generator which picture the task edits and where; nothing when it edits none. A picture of
/// another size than the model's is resized, its boxes with it. Throws DataError, UsageError.
void apply_edit(const plan::GenerateImageTask& task, image::ImageGenerator& generator, Progress& progress);

}  // namespace arzoo::tasks
