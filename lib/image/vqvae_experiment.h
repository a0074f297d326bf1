#pragma once

#include "image/picture_experiment.h"
#include "image/vqvae_model.h"

namespace arzoo::image {

/// Training the multi-scale VQ-VAE as an autoencoder.
///
/// The official training code is not released; the paper (Sec. 3.2) adds a perceptual and an adversarial loss
/// to these: the mean squared error of the pixels (and l1_weight times the absolute one) and the quantiser's
/// loss.
class VqvaeExperiment : public PictureExperiment {
 public:
  /// config: resolved (plan/run_config.h). Throws DataError for pictures that cannot be used.
  VqvaeExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  /// Before the first batch the codebook becomes features of that batch; every revive_every batches unused
  /// code vectors become what this batch needs.
  void prepare(int64_t batch) override;
  runtime::Losses loss(int64_t batch) override;
  /// {"l2", "psnr", "codes"}: of reconstructions in [-1, 1] the mean squared error; the peak signal-to-noise
  /// ratio in dB, of each picture, averaged; the share of code vectors in use, in percent. On the test
  /// pictures also, of each token map, "psnr_K" of what the first K of them decode to, and "codes_K".
  runtime::Metrics evaluate(runtime::Split split) override;
  /// Also of frequency bands that no frequency is in.
  std::vector<std::string> notes() const override;
  /// Pictures and, below each, its reconstruction.
  std::vector<ReportSection> showcase() override;

 private:
  std::shared_ptr<Vqvae> model_;
};

}  // namespace arzoo::image
