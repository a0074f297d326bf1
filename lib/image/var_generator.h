#pragma once

#include <atomic>

#include "image/ready_models.h"
#include "image/var_sampler.h"
#include "image/var_source.h"
#include "runtime/image_generator.h"

namespace arzoo::image {

/// What a VarGenerator is made of.
struct VarParts {
  std::vector<OpenedVar> models;  ///< one, or drafter and refiner
  std::shared_ptr<Vqvae> vae;
  std::optional<int64_t> draft_steps;
  Json defaults = {};  ///< where no folder says how to sample

  /// The one whose folder says what the pictures are: the drafter's, unless only the refiner has a folder.
  const OpenedVar& main() const {
    return models.front().folder || models.size() == 1 ? models.front() : models.back();
  }
};

/// From disk; linear maps and convolutions in `type`. Throws as open_generator does.
VarParts open_parts(const runtime::ImageSource& source, at::ScalarType type);
/// With random weights; throws as random_generator does.
VarParts random_parts(const std::vector<Config>& models, std::optional<int64_t> draft_steps,
                      at::ScalarType type);

/// A VAR with its tokenizer, ready to generate; or two that share the work (CoDe).
class VarGenerator : public runtime::ImageGenerator {
 public:
  /// Throws as open_generator does.
  VarGenerator(VarParts parts, const Json& asked, const runtime::Compute& compute);

  int64_t classes() const override { return first().options().num_classes; }
  const std::vector<std::string>& class_names() const override { return facts_.class_names; }
  int64_t height() const override { return side(); }
  int64_t width() const override { return side(); }
  int64_t channels() const override { return facts_.channels; }
  int64_t steps() const override { return static_cast<int64_t>(first().grids().size()); }
  int64_t parameters() const override { return parameters_; }
  Json settings() const override { return settings_; }
  void edit(const at::Tensor& picture, const at::Tensor& paint) override;
  at::Tensor sample(const runtime::ImageBatch& batch, const runtime::StepWatcher& watcher) const override;
  int64_t cache_bytes() const override { return cache_bytes_; }

 private:
  const Var& first() const { return *models_.front(); }
  int64_t side() const;
  void read_options(const VarGenerationOptions& options);
  void prepare(const runtime::Compute& compute);

  std::vector<std::shared_ptr<Var>> models_;  ///< the model, or drafter and refiner
  std::shared_ptr<Vqvae> vae_;
  std::optional<VarSampler> sampler_;
  VarSampling sampling_;
  std::shared_ptr<kernels::QuantizedWeights> quantized_;  ///< empty in full precision
  struct Edit {
    KnownTokens tokens;
    at::Tensor picture, paint;  ///< [1, 3, H, W] in [0, 1], [1, 1, H, W]
  };
  std::unique_ptr<Edit> edit_;
  PictureFacts facts_;
  int64_t parameters_ = 0;
  mutable std::atomic<int64_t> cache_bytes_ = 0;
  at::Device device_ = at::kCPU;
  Json settings_;
};

/// What the entry of var offers (runtime/image_generator.h).
bool is_var(const std::filesystem::path& path);
std::unique_ptr<runtime::ImageGenerator> open_var_generator(const runtime::ImageSource& source,
                                                            const Json& sampling,
                                                            const runtime::Compute& compute);
std::unique_ptr<runtime::ImageGenerator> random_var_generator(const std::vector<Config>& models,
                                                              std::optional<int64_t> draft_steps,
                                                              const Json& sampling,
                                                              const runtime::Compute& compute,
                                                              const Json& defaults);

}  // namespace arzoo::image
