#pragma once

#include "shape3d/autoencoder_experiment.h"
#include "shape3d/vat_model.h"

namespace arzoo::shape3d {

/// Training VAT: first without the quantiser (model.continuous_batches), then with it.
class VatExperiment : public AutoencoderExperiment {
 public:
  VatExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  /// The quantiser's codes start as features of the batch that it is first used with.
  void prepare(int64_t batch) override;
  runtime::Losses loss(int64_t batch) override;

 private:
  ShapeAutoencoder& autoencoder() override { return *model_; }

  std::shared_ptr<Vat> model_;
};

}  // namespace arzoo::shape3d
