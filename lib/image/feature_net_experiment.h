#pragma once

#include "image/feature_net_model.h"
#include "image/picture_data.h"
#include "runtime/device.h"

namespace arzoo::image {

/// Training a feature network as a classifier.
class FeatureNetExperiment : public runtime::Experiment {
 public:
  /// config: resolved (plan/run_config.h). Throws DataError for pictures that cannot be used, ConfigError for
  /// classes that the model does not have.
  FeatureNetExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  int64_t batches_per_epoch() const override { return loader_.batches_per_epoch(); }
  runtime::Losses loss(int64_t batch) override;
  /// {"cross_entropy", "accuracy"}, the latter in percent.
  runtime::Metrics evaluate(runtime::Split split) override;
  void save(const std::filesystem::path& folder) override;
  void load(const std::filesystem::path& folder) override;
  /// A few pictures and how they are classified.
  std::vector<ReportSection> showcase() override;

  std::vector<std::string> notes() const { return {loader_.data().summary()}; }

 private:
  Json section_;
  runtime::Compute compute_;
  std::shared_ptr<FeatureNet> model_;
  PictureLoader loader_;
};

}  // namespace arzoo::image
