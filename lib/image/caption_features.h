#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>

#include "image/llamagen_model.h"

namespace arzoo::image {

/// Features of captions that another program computed (officially T5-XL's): a .npy, or a .npz with
/// "features", of shape [captions, tokens, width], or [tokens, width] of one.
class CaptionFeatures {
 public:
  /// null: a model's null caption, [P, F]. Captions with fewer tokens than it are padded on the left with
  /// zeros; of those with more the first are taken, as officially. Throws DataError for another shape or
  /// width and for numbers that are not finite.
  CaptionFeatures(const std::filesystem::path& path, const at::Tensor& null);

  /// Captions of the file.
  int64_t size() const { return features_.size(0) - 1; }
  /// Of the captions of these numbers, [B] long; size() is the null caption.
  LlamaGenCondition of(const at::Tensor& numbers) const;

 private:
  at::Tensor features_, mask_;  ///< [N + 1, P, F]; [N + 1, P], 0 where a caption is padded
};

}  // namespace arzoo::image
