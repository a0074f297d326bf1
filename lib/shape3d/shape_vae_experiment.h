#pragma once

#include "shape3d/autoencoder_experiment.h"
#include "shape3d/shape_vae_model.h"

namespace arzoo::shape3d {

/// Training the shape VAE by the official objective; with data.low_res each step also sees every shape by a
/// quarter of its points (the two terms have equal weight), so that one VAE serves both stages of MAR-3D.
class ShapeVaeExperiment : public AutoencoderExperiment {
 public:
  ShapeVaeExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  runtime::Losses loss(int64_t batch) override;

 private:
  ShapeAutoencoder& autoencoder() override { return *model_; }
  at::Tensor posterior_noise(const SurfaceClouds& clouds) const;

  std::shared_ptr<ShapeVae> model_;
};

}  // namespace arzoo::shape3d
