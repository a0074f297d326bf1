#pragma once

#include "image/caption_features.h"
#include "image/llamagen_sampler.h"
#include "image/picture_codes.h"
#include "image/picture_experiment.h"

namespace arzoo::image {

/// Training LlamaGen on the tokens of a trained tokenizer (data.tokenizer), by the official recipe, whose
/// optimiser settings are in configs/image/llamagen_b_imagenet256.json; of classes, or of captions, whose
/// features data.captions holds.
class LlamaGenExperiment : public PictureExperiment {
 public:
  /// config: resolved (plan/run_config.h). Throws DataError for pictures or captions that cannot be used,
  /// ConfigError, CheckpointError for a tokenizer that is not the one that model.vae describes.
  LlamaGenExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  /// Cross-entropy over all tokens; some samples lose their class or caption.
  runtime::Losses loss(int64_t batch) override;
  /// As in TokenScores, of samples that keep their class or caption.
  runtime::Metrics evaluate(runtime::Split split) override;
  /// Also writes vae/, the tokenizer's folder, in the model's type: the two together generate pictures.
  void save(const std::filesystem::path& folder) override;
  /// Pictures generated of the first classes or captions, by evaluation.sampling.
  std::vector<ReportSection> showcase() override;

 private:
  LlamaGenCondition condition(const at::Tensor& labels, runtime::Split split) const;
  void open_captions(const Config& config);

  LlamaGenOptions options_;
  int64_t seed_;
  std::shared_ptr<LlamaGenVq> vae_;
  std::shared_ptr<LlamaGen> model_;
  PictureCodes tokens_;
  std::optional<CaptionFeatures> captions_, test_captions_;
};

}  // namespace arzoo::image
