#pragma once

#include "shape3d/autoencoder_experiment.h"
#include "shape3d/g3pt_vq_model.h"

namespace arzoo::shape3d {

/// Training G3PT's tokenizer: first without the quantiser (model.continuous_batches), then with it.
class G3ptVqExperiment : public AutoencoderExperiment {
 public:
  G3ptVqExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  runtime::Losses loss(int64_t batch) override;

 private:
  ShapeAutoencoder& autoencoder() override { return *model_; }

  std::shared_ptr<G3ptVq> model_;
};

}  // namespace arzoo::shape3d
