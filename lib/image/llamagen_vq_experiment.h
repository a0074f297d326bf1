#pragma once

#include "image/picture_experiment.h"
#include "image/vq_loss.h"

namespace arzoo::image {

/// Training LlamaGen's tokenizer, with a discriminator of patches. The official perceptual loss is left out:
/// LPIPS' weights cannot be had.
class LlamaGenVqExperiment : public PictureExperiment {
 public:
  /// config: resolved (plan/run_config.h). Throws DataError for pictures that cannot be used.
  LlamaGenVqExperiment(const Config& config, const runtime::Compute& compute);

  /// The tokenizer's parts under their official names, and "discriminator".
  torch::nn::Module& model() override { return *trained_; }
  runtime::Losses loss(int64_t batch) override;
  std::vector<at::Tensor> clipped_apart() const override;
  /// {"l2", "psnr", "codes"}: of reconstructions in [-1, 1] the mean squared error; the peak signal-to-noise
  /// ratio in dB, of each picture, averaged; the share of code vectors in use, in percent.
  runtime::Metrics evaluate(runtime::Split split) override;
  /// The tokenizer's folder; the discriminator, which only training needs, beside it in
  /// discriminator.safetensors.
  void save(const std::filesystem::path& folder) override;
  void load(const std::filesystem::path& folder) override;
  /// Pictures and, below each, its reconstruction.
  std::vector<ReportSection> showcase() override;

 private:
  std::shared_ptr<LlamaGenVq> model_;
  std::shared_ptr<Discriminator> discriminator_;  ///< null without
  std::shared_ptr<torch::nn::Module> trained_;
};

}  // namespace arzoo::image
