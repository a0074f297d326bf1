#pragma once

#include "shape3d/argus3d_vq_model.h"
#include "shape3d/autoencoder_experiment.h"

namespace arzoo::shape3d {

/// Training stage 1 of Argus3D by the official objective.
class Argus3dVqExperiment : public AutoencoderExperiment {
 public:
  Argus3dVqExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  /// Revives unused code vectors, where the model's options say so.
  void prepare(int64_t batch) override;
  runtime::Losses loss(int64_t batch) override;

 private:
  ShapeAutoencoder& autoencoder() override { return *model_; }

  std::shared_ptr<Argus3dVq> model_;
};

}  // namespace arzoo::shape3d
