#pragma once

#include "image/axial_model.h"
#include "image/picture_experiment.h"

namespace arzoo::image {

/// Training an Axial Transformer on pictures: bits per dimension.
class AxialExperiment : public PictureExperiment {
 public:
  /// config: resolved. Throws ConfigError where the model's pictures are not those of the data.
  AxialExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  runtime::Losses loss(int64_t batch) override;
  /// {"bits_per_dim"}: the mean over all pixels and channels, each picture given its class.
  runtime::Metrics evaluate(runtime::Split split) override;
  void save(const std::filesystem::path& folder) override;
  Json reference_shape() const override;
  /// Samples, one column per class.
  std::vector<ReportSection> showcase() override;

 private:
  at::Tensor levels(const ImageBatch& batch) const;

  uint64_t seed_;
  std::shared_ptr<Axial> model_;
};

}  // namespace arzoo::image
