#pragma once

#include <optional>

#include "image/axial_sampler.h"
#include "image/ready_models.h"
#include "runtime/image_generator.h"

namespace arzoo::image {

AxialSampling axial_sampling(const AxialGenerationOptions& options);

/// Why a model is not one of pictures, at which option; nothing where it is.
struct Unpictured {
  const char* key;
  std::string text;
};
std::optional<Unpictured> unpictured(const AxialOptions& options);

/// The model of a folder of ours, in `type`, for inference. Throws CheckpointError, ConfigError, UsageError.
std::shared_ptr<Axial> open_axial(const ModelFolder& folder, at::ScalarType type);

/// An Axial Transformer, ready to generate.
class AxialGenerator : public runtime::ImageGenerator {
 public:
  AxialGenerator(std::shared_ptr<Axial> model, PictureFacts facts, const Json& asked, const Json& defaults,
                 const std::string& weights, const runtime::Compute& compute);

  int64_t classes() const override { return model_->options().class_num; }
  const std::vector<std::string>& class_names() const override { return facts_.class_names; }
  int64_t height() const override { return model_->options().img_height; }
  int64_t width() const override { return model_->options().img_width; }
  int64_t channels() const override { return facts_.channels; }
  /// A step is a row of one channel.
  int64_t steps() const override { return height() * model_->options().img_channels; }
  int64_t parameters() const override { return parameters_; }
  Json settings() const override { return settings_; }
  /// A pixel that is generated is given those before it in raster order, which the picture's are where they
  /// are not painted: below rows that stay, an exact sample of the model's conditional distribution.
  void edit(const at::Tensor& picture, const at::Tensor& paint) override;
  at::Tensor sample(const runtime::ImageBatch& batch, const runtime::StepWatcher& watcher) const override;

 private:
  std::shared_ptr<Axial> model_;
  PictureFacts facts_;
  at::Device device_;
  AxialSampling sampling_;
  std::optional<KnownLevels> known_;
  int64_t parameters_ = 0;
  Json settings_;
};

/// What the entry offers (runtime/image_generator.h).
std::unique_ptr<runtime::ImageGenerator> open_axial_generator(const runtime::ImageSource& source,
                                                              const Json& sampling,
                                                              const runtime::Compute& compute);
std::unique_ptr<runtime::ImageGenerator> random_axial_generator(const std::vector<Config>& models,
                                                                std::optional<int64_t> draft_steps,
                                                                const Json& sampling,
                                                                const runtime::Compute& compute,
                                                                const Json& defaults);

}  // namespace arzoo::image
