#pragma once

#include "image/flowar_model.h"
#include "image/latent_experiment.h"

namespace arzoo::image {

/// Training a FlowAR on the latents of a trained tokenizer.
class FlowArExperiment : public LatentExperiment {
 public:
  /// config: resolved (plan/run_config.h). Throws DataError, ConfigError, CheckpointError.
  FlowArExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  runtime::Losses loss(int64_t batch) override;
  /// {"loss", "finest"} with fixed random numbers, all classes given: over all scales as in training, and the
  /// error of the last scale alone.
  runtime::Metrics evaluate(runtime::Split split) override;

 protected:
  at::Tensor sample(const at::Tensor& labels, const std::vector<uint64_t>& seeds) override;
  int64_t classes() const override { return model_->options().class_num; }

 private:
  std::shared_ptr<FlowAr> model_;
};

}  // namespace arzoo::image
