#pragma once

#include <optional>

#include "io/picture.h"
#include "plan/tasks.h"
#include "runtime/image_generator.h"

namespace arzoo::tasks {

/// The picture that a run edits. The model sees it at its own size; what is written has the picture's size,
/// with every pixel outside of the painted area as it was.
class PictureEdit {
 public:
  /// Tells the generator what it edits and where. Throws DataError, UsageError.
  PictureEdit(const plan::GenerateImageTask& task, runtime::ImageGenerator& generator, Progress& progress);

  int64_t width() const { return picture_.width; }
  int64_t height() const { return picture_.height; }
  /// What the generator made, [3, h, w] in [0, 1] at its own size and of `channels`, put into the picture.
  io::Picture finished(const at::Tensor& image, int64_t channels) const;
  /// What was edited and where: "edit" with "paint", "keep" or "mask".
  const Json& settings() const { return settings_; }

 private:
  io::Picture picture_;
  std::vector<uint8_t> paint_;  ///< a pixel each: 1 where the picture is generated anew
  Json settings_;
};

}  // namespace arzoo::tasks
