#pragma once

#include "image/flowar_sampler.h"
#include "image/latent_source.h"
#include "image/mar_sampling.h"
#include "image/ready_models.h"
#include "runtime/image_generator.h"

namespace arzoo::image {

/// A generator of continuous tokens and its tokenizer, with weights.
template <class Model>
struct LatentParts {
  FoundModel found;
  std::shared_ptr<Model> model;
  std::shared_ptr<KlVae> vae;
  Json defaults;  ///< options of generation that the folder says
};

/// A generator of continuous tokens with its tokenizer, ready to generate.
class LatentGenerator : public runtime::ImageGenerator {
 public:
  const std::vector<std::string>& class_names() const override { return facts_.class_names; }
  int64_t height() const override { return pixels_; }
  int64_t width() const override { return pixels_; }
  int64_t channels() const override { return facts_.channels; }
  int64_t parameters() const override { return parameters_; }
  Json settings() const override { return settings_; }
  at::Tensor sample(const runtime::ImageBatch& batch, const runtime::StepWatcher& watcher) const override;

 protected:
  LatentGenerator(std::shared_ptr<KlVae> vae, const runtime::Compute& compute)
      : device_(compute.device), vae_(std::move(vae)) {}

  /// Latents, [B, z, h, w], scaled.
  virtual at::Tensor latents(const runtime::ImageBatch& batch, const LatentWatcher& watcher) const = 0;

  /// Takes over what the folder says and brings both models into order for inference.
  void prepare(const FoundModel& found, torch::nn::Module& model, int64_t pixels,
               const runtime::Compute& compute);

  at::Device device_;
  std::shared_ptr<KlVae> vae_;
  Json settings_;
  struct Edit {
    KnownLatents known;
    at::Tensor picture, paint;  ///< [1, 3, H, W] in [0, 1], [1, 1, H, W]
  };
  std::unique_ptr<Edit> edit_;

 private:
  at::Tensor decoded(const at::Tensor& latents) const;

  std::shared_ptr<kernels::QuantizedWeights> quantized_;  ///< empty in full precision
  PictureFacts facts_;
  int64_t parameters_ = 0, pixels_ = 0;
};

/// A MAR: masked autoregression.
class MarGenerator : public LatentGenerator {
 public:
  /// Throws UsageError, CheckpointError.
  MarGenerator(const LatentParts<Mar>& parts, const Json& asked, const runtime::Compute& compute);

  int64_t classes() const override { return model_->options().class_num; }
  int64_t steps() const override;
  /// Tokens whose pixels lie at least half outside `paint` are given, the others are generated given them.
  void edit(const at::Tensor& picture, const at::Tensor& paint) override;

 protected:
  at::Tensor latents(const runtime::ImageBatch& batch, const LatentWatcher& watcher) const override;

 private:
  std::shared_ptr<Mar> model_;
  nn::MaskedSampling sampling_;
};

/// A FlowAR: scale-wise autoregression with a flow per scale.
class FlowArGenerator : public LatentGenerator {
 public:
  /// Throws UsageError, CheckpointError.
  FlowArGenerator(const LatentParts<FlowAr>& parts, const Json& asked, const runtime::Compute& compute);

  int64_t classes() const override { return model_->options().class_num; }
  int64_t steps() const override { return static_cast<int64_t>(model_->grids().size()); }
  /// Throws UsageError: every token of a scale is generated at once.
  void edit(const at::Tensor& picture, const at::Tensor& paint) override;

 protected:
  at::Tensor latents(const runtime::ImageBatch& batch, const LatentWatcher& watcher) const override;

 private:
  std::shared_ptr<FlowAr> model_;
  FlowSampling sampling_;
};

/// What the entries of mar and flowar offer (runtime/image_generator.h).
bool is_mar(const std::filesystem::path& path);
bool is_flowar(const std::filesystem::path& path);
std::unique_ptr<runtime::ImageGenerator> open_mar_generator(const runtime::ImageSource& source,
                                                            const Json& sampling,
                                                            const runtime::Compute& compute);
std::unique_ptr<runtime::ImageGenerator> random_mar_generator(const std::vector<Config>& models,
                                                              std::optional<int64_t> draft_steps,
                                                              const Json& sampling,
                                                              const runtime::Compute& compute,
                                                              const Json& defaults);
std::unique_ptr<runtime::ImageGenerator> open_flowar_generator(const runtime::ImageSource& source,
                                                               const Json& sampling,
                                                               const runtime::Compute& compute);
std::unique_ptr<runtime::ImageGenerator> random_flowar_generator(const std::vector<Config>& models,
                                                                 std::optional<int64_t> draft_steps,
                                                                 const Json& sampling,
                                                                 const runtime::Compute& compute,
                                                                 const Json& defaults);

}  // namespace arzoo::image
