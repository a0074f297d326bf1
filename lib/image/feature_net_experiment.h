#pragma once

#include "image/feature_net_model.h"
#include "image/picture_experiment.h"

namespace arzoo::image {

/// Training a feature network as a classifier.
class FeatureNetExperiment : public PictureExperiment {
 public:
  /// config: resolved (plan/run_config.h). Throws DataError for pictures that cannot be used, ConfigError for
  /// classes that the model does not have.
  FeatureNetExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  runtime::Losses loss(int64_t batch) override;
  /// {"cross_entropy", "accuracy"}, the latter in percent.
  runtime::Metrics evaluate(runtime::Split split) override;
  /// A few pictures and how they are classified.
  std::vector<ReportSection> showcase() override;

 private:
  std::shared_ptr<FeatureNet> model_;
};

}  // namespace arzoo::image
