#pragma once

#include "image/himar_model.h"
#include "image/latent_experiment.h"

namespace arzoo::image {

/// Training a Hi-MAR on the latents of a trained tokenizer, of pictures at two resolutions.
class HiMarExperiment : public LatentExperiment {
 public:
  /// config: resolved (plan/run_config.h). Throws DataError, ConfigError, CheckpointError.
  HiMarExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  runtime::Losses loss(int64_t batch) override;
  /// {"loss", "pivots", "dense"} with fixed random numbers, all classes given, all pivots seen.
  runtime::Metrics evaluate(runtime::Split split) override;

 protected:
  at::Tensor sample(const at::Tensor& labels, const std::vector<uint64_t>& seeds) override;
  int64_t classes() const override { return model_->options().class_num; }

 private:
  std::shared_ptr<HiMar> model_;
};

}  // namespace arzoo::image
