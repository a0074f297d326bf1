#pragma once

#include "image/himar_sampling.h"
#include "image/latent_generator.h"

namespace arzoo::image {

/// A Hi-MAR: pivots of a low resolution, then all tokens.
class HiMarGenerator : public LatentGenerator {
 public:
  /// Throws UsageError, CheckpointError.
  HiMarGenerator(const LatentParts<HiMar>& parts, const Json& asked, const runtime::Compute& compute);

  int64_t classes() const override { return model_->options().class_num; }
  int64_t steps() const override { return pivot_steps() + dense_steps(); }
  /// After the last pivots.
  std::optional<int64_t> preview_step() const override;
  /// Tokens of both resolutions whose pixels lie at least half outside `paint` are given, the others are
  /// generated given them.
  void edit(const at::Tensor& picture, const at::Tensor& paint) override;

 protected:
  at::Tensor latents(const runtime::ImageBatch& batch, const LatentWatcher& watcher) const override;

 private:
  int64_t pivot_steps() const;
  int64_t dense_steps() const;
  KnownLatents known_of(const at::Tensor& pixels, const at::Tensor& painted, int64_t side) const;

  std::shared_ptr<HiMar> model_;
  HiMarSampling sampling_;
  std::unique_ptr<KnownHiMarLatents> known_;
};

/// What the entry of himar offers (runtime/image_generator.h).
bool is_himar(const std::filesystem::path& path);
std::unique_ptr<runtime::ImageGenerator> open_himar_generator(const runtime::ImageSource& source,
                                                              const Json& sampling,
                                                              const runtime::Compute& compute);
std::unique_ptr<runtime::ImageGenerator> random_himar_generator(const std::vector<Config>& models,
                                                                std::optional<int64_t> draft_steps,
                                                                const Json& sampling,
                                                                const runtime::Compute& compute,
                                                                const Json& defaults);

}  // namespace arzoo::image
