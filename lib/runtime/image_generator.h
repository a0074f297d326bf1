#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/config.h"
#include "runtime/device.h"
#include "runtime/image_request.h"

namespace arzoo::runtime {

/// Images that are generated together. An image depends on its class and seed, not on the others.
struct ImageBatch {
  at::Tensor labels;            ///< [B] long; classes() stands for no class
  std::vector<uint64_t> seeds;  ///< one per image
};

/// Hears of each step of a batch; `images` makes what is there so far, [B, 3, H, W] in [0, 1].
using StepWatcher = std::function<void(int64_t step, const std::function<at::Tensor()>& images)>;

/// A model that generates images, whatever its family, ready to do so.
class ImageGenerator {
 public:
  virtual ~ImageGenerator() = default;

  virtual int64_t classes() const = 0;
  /// Of the classes, as the model's folder knows them; empty: they have numbers only.
  virtual const std::vector<std::string>& class_names() const = 0;
  virtual int64_t height() const = 0;
  virtual int64_t width() const = 0;
  /// Channels of the images that it learnt from, 1 or 3.
  virtual int64_t channels() const = 0;
  /// Calls of the watcher for one batch.
  virtual int64_t steps() const = 0;
  /// The step after which a preview of a lower resolution is there; none where the model makes none.
  virtual std::optional<int64_t> preview_step() const { return std::nullopt; }
  virtual int64_t parameters() const = 0;
  /// All that decides an image besides its class and seed, to be written into it.
  virtual Json settings() const = 0;
  /// From now on only the pixels of `paint`, [H, W] bool, are generated; the rest stays that of `picture`,
  /// [1, 3, H, W] in [-1, 1]. Throws UsageError where the model cannot.
  virtual void edit(const at::Tensor& picture, const at::Tensor& paint) = 0;
  /// [B, 3, H, W] in [0, 1], on the CPU.
  virtual at::Tensor sample(const ImageBatch& batch, const StepWatcher& watcher) const = 0;
  /// The most that keys and values took at a time in the last call of sample, in bytes; 0 where none are
  /// cached.
  virtual int64_t cache_bytes() const { return 0; }
  /// What decoding with drafts came to in all calls of sample: {"passes", "drafter_passes",
  /// "tokens_per_pass", "accepted_by_depth"}; null without drafts.
  virtual Json decoding() const { return nullptr; }
};

/// How a model of a zoo becomes an ImageGenerator.
struct ImageModel {
  /// Whether a weights file, or a folder with published files and without a config.json of ours, is such a
  /// model's. Throws CheckpointError for a file that cannot be read, or of a model that generates nothing.
  bool (*recognises)(const std::filesystem::path& path) = nullptr;
  /// Throws CheckpointError, ConfigError, UsageError (options that do not go with the model).
  std::unique_ptr<ImageGenerator> (*open)(const ImageSource& source, const Json& sampling,
                                          const Compute& compute) = nullptr;
  /// One with random weights from the default generator, to be measured. models: a config's "model" section,
  /// or a drafter's and a refiner's with the scales that the drafter generates; defaults: the "sampling" of a
  /// config's evaluation, or null. Throws ConfigError, UsageError.
  std::unique_ptr<ImageGenerator> (*random)(const std::vector<Config>& models,
                                            std::optional<int64_t> draft_steps, const Json& sampling,
                                            const Compute& compute, const Json& defaults) = nullptr;
  bool texts = false;     ///< it generates from captions in words (ImageSource::texts)
  bool captions = false;  ///< some of its models generate from captions (ImageSource::captions)
};

}  // namespace arzoo::runtime
