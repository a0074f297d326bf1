#pragma once

#include "image/latent_experiment.h"
#include "image/mar_model.h"

namespace arzoo::image {

/// Training a MAR on the latents of a trained tokenizer.
class MarExperiment : public LatentExperiment {
 public:
  /// config: resolved (plan/run_config.h). Throws DataError, ConfigError, CheckpointError.
  MarExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  runtime::Losses loss(int64_t batch) override;
  /// {"loss", "mse", "vb"} of the masked tokens with fixed random numbers, all classes given.
  runtime::Metrics evaluate(runtime::Split split) override;

 protected:
  at::Tensor sample(const at::Tensor& labels, const std::vector<uint64_t>& seeds) override;
  int64_t classes() const override { return model_->options().class_num; }

 private:
  std::shared_ptr<Mar> model_;
};

}  // namespace arzoo::image
