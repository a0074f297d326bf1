#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <random>
#include <span>

#include "image/data_options.h"
#include "image/picture_set.h"
#include "runtime/batch_loader.h"

namespace arzoo::image {

/// Pictures as models see them.
struct ImageBatch {
  at::Tensor images;  ///< [B, 3, P, P] in [-1, 1]; grey ones have three equal channels
  at::Tensor labels;  ///< [B] long: classes or, of pictures with captions, their places in the set
};

/// The picture as 8-bit samples of P x P pixels: its short side resized (Lanczos) to `resize` * P, then
/// cropped, in the centre or, with a generator, anywhere, after mirroring half of them if `flip`. The
/// official pipeline of VAR (torchvision's Resize, RandomCrop, CenterCrop on Pillow's pictures).
io::Picture cropped(const io::Picture& picture, int64_t pixels, double resize, bool flip,
                    std::mt19937_64* random);

/// A set of pictures, split for training, at the size of a model.
class PictureData {
 public:
  /// A picture validates if its number, times data.validation, passes a whole number: evenly spread over the
  /// set, whatever its order. Throws DataError for pictures that cannot be used.
  PictureData(const DataOptions& options, int64_t pixels);

  int64_t size(runtime::Split split) const;
  /// Pictures of the set that a split is taken from.
  int64_t pictures(runtime::Split split) const;
  /// random: of the augmentation; null for none (centre crops).
  ImageBatch batch(runtime::Split split, std::span<const int64_t> items, std::mt19937_64* random) const;
  /// No augmentation changes a training picture.
  bool is_fixed() const;
  /// 1 where the first picture is grey, else 3.
  int64_t channels() const { return pictures_->picture(0).channels; }
  const std::vector<std::string>& class_names() const { return pictures_->class_names(); }
  /// Throws ConfigError at `num_classes` unless every label is below its value.
  void check_labels(const Config& num_classes) const;
  std::string summary() const;

 private:
  DataOptions options_;
  int64_t pixels_;
  std::unique_ptr<PictureSet> pictures_, test_;
  std::vector<int64_t> train_items_, val_items_;
};

/// Training batches ahead of their use, and the batches of an evaluation.
class PictureLoader {
 public:
  /// config: resolved; share: of each training batch. Throws DataError.
  PictureLoader(const Config& config, int64_t pixels, const Share& share = {});

  const PictureData& data() const { return data_; }
  int64_t batches_per_epoch() const { return batches_.batches_per_epoch(); }
  /// Training batch `batch`, counted over all epochs.
  const ImageBatch& get(int64_t batch) { return batches_.get(batch); }
  const EvaluationOptions& evaluation() const { return evaluation_; }
  /// The items of a split that are evaluated.
  std::vector<int64_t> evaluated(runtime::Split split) const;
  /// Calls `visit` with the evaluated pictures of the split, a batch at a time; in inference mode.
  void each(runtime::Split split, const std::function<void(const ImageBatch&)>& visit) const;
  /// A few pictures to show: of the test split, or of the one that validates, or of those trained on.
  ImageBatch shown() const;

 private:
  EvaluationOptions evaluation_;
  PictureData data_;
  runtime::BatchLoader<PictureData, ImageBatch> batches_;
};

}  // namespace arzoo::image
