#pragma once

#include "image/kl_vae_model.h"
#include "image/picture_experiment.h"

namespace arzoo::image {

/// Training the KL-VAE as an autoencoder.
///
/// The published tokenizer was trained with a perceptual and an adversarial loss beside these: the mean
/// squared error of the pixels (and l1_weight times the absolute one) and kl_weight times the divergence of
/// the latents from the standard normal distribution (Rombach et al., CVPR 2022, Sec. 3.1).
class KlVaeExperiment : public PictureExperiment {
 public:
  /// config: resolved (plan/run_config.h). Throws DataError for pictures that cannot be used.
  KlVaeExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  runtime::Losses loss(int64_t batch) override;
  /// {"l2", "psnr", "kl"}: of reconstructions from the mean latent, in [-1, 1], the mean squared error and
  /// the peak signal-to-noise ratio in dB, of each picture, averaged; the divergence in nats per latent
  /// number.
  runtime::Metrics evaluate(runtime::Split split) override;
  /// Pictures and, below each, its reconstruction.
  std::vector<ReportSection> showcase() override;

 private:
  std::shared_ptr<KlVae> model_;
};

}  // namespace arzoo::image
