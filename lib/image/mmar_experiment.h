#pragma once

#include "image/latent_experiment.h"
#include "image/measured_captions.h"

namespace arzoo::image {

/// Training an MMAR in both directions on the latents of pictures and the captions that are measured of them.
class MmarExperiment : public LatentExperiment {
 public:
  /// config: resolved (plan/run_config.h). Throws DataError, ConfigError, CheckpointError.
  MmarExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  /// Half of the batch is generated of its captions, half is described. In place of pictures with unseen
  /// captions, others of the batch stand. Throws DataError for a batch of nothing else.
  runtime::Losses loss(int64_t batch) override;
  /// {"loss", "image", "text"}: the head's error of masked tokens with fixed random numbers and all captions
  /// given, and the cross-entropy of a word. On the test pictures also of the captions that the model writes
  /// of them the shares that are right: "said_class", "said_light", "said_breadth", "said_all", and
  /// "said_unseen" of the unseen captions alone.
  runtime::Metrics evaluate(runtime::Split split) override;

 protected:
  at::Tensor sample(const at::Tensor& labels, const std::vector<uint64_t>& seeds) override;
  int64_t classes() const override { return static_cast<int64_t>(loader_.data().class_names().size()); }
  void describe(Json& model) const override;

 private:
  int64_t sampled_masked(int64_t batch) const;
  at::Tensor seen(const at::Tensor& words) const;

  int64_t steps_;  ///< of the whole training
  MmarOptions options_;
  std::shared_ptr<Mmar> model_;
  std::unique_ptr<CaptionGrammar> grammar_;
};

}  // namespace arzoo::image
