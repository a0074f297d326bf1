#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "image/generation_options.h"
#include "runtime/device.h"

namespace arzoo::image {

/// Pictures that are drawn together. A picture depends on its class and seed, not on the others.
struct PictureBatch {
  at::Tensor labels;            ///< [B] long; classes() stands for no class
  std::vector<uint64_t> seeds;  ///< one per picture
};

/// Hears of each step of a batch; `pictures` makes what is there so far, [B, 3, H, W] in [0, 1].
using StepWatcher = std::function<void(int64_t step, const std::function<at::Tensor()>& pictures)>;

/// A model that draws pictures, whatever its kind, ready to do so.
class ImageGenerator {
 public:
  virtual ~ImageGenerator() = default;

  virtual int64_t classes() const = 0;
  /// Of the classes, as the model's folder knows them; empty: they have numbers only.
  virtual const std::vector<std::string>& class_names() const = 0;
  virtual int64_t height() const = 0;
  virtual int64_t width() const = 0;
  /// Channels of the pictures that it learnt from, 1 or 3.
  virtual int64_t channels() const = 0;
  /// Calls of the watcher for one batch.
  virtual int64_t steps() const = 0;
  virtual int64_t parameters() const = 0;
  /// All that decides a picture besides its class and seed, to be written into it.
  virtual Json settings() const = 0;
  /// From now on only the pixels of `paint`, [H, W] bool, are drawn; the rest stays that of `picture`,
  /// [1, 3, H, W] in [-1, 1].
  virtual void edit(const at::Tensor& picture, const at::Tensor& paint) = 0;
  /// [B, 3, H, W] in [0, 1], on the CPU.
  virtual at::Tensor sample(const PictureBatch& batch, const StepWatcher& watcher) const = 0;
  /// The most that keys and values took at a time in the last draw, in bytes; 0 where none are kept.
  virtual int64_t cache_bytes() const { return 0; }
};

/// Throws CheckpointError, ConfigError, UsageError (options that do not go with the model).
std::unique_ptr<ImageGenerator> open_generator(const GeneratorSource& source,
                                               const GenerationOptions& options,
                                               const runtime::Compute& compute);

/// One with random weights from the default generator, to be measured. models: a config's "model" section, or
/// a drafter's and a refiner's with the scales that the drafter draws; defaults: as a folder's. Throws
/// ConfigError, UsageError.
std::unique_ptr<ImageGenerator> random_generator(const std::vector<Config>& models,
                                                 std::optional<int64_t> draft_steps,
                                                 const GenerationOptions& options,
                                                 const runtime::Compute& compute,
                                                 const SamplingDefaults& defaults = {});

}  // namespace arzoo::image
