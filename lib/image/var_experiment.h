#pragma once

#include "image/picture_tokens.h"
#include "image/var_model.h"

namespace arzoo::image {

/// Training VAR on the tokens of a trained VQ-VAE (data.tokenizer), by the official recipe; its optimiser
/// settings are in configs/image/var_imagenet256.json.
class VarExperiment : public runtime::Experiment {
 public:
  /// config: resolved (plan/run_config.h). Throws DataError for pictures that cannot be used, CheckpointError
  /// for a tokenizer that is not the one that model.vae describes.
  VarExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  int64_t batches_per_epoch() const override { return loader_.batches_per_epoch(); }
  /// Cross-entropy over all tokens with label smoothing; some samples lose their class.
  runtime::Losses loss(int64_t batch) override;
  /// As in TokenScores, of samples that keep their class.
  runtime::Metrics evaluate(runtime::Split split) override;
  /// Also writes vae/, the tokenizer's folder, in the model's type: the two together draw pictures.
  void save(const std::filesystem::path& folder) override;
  void load(const std::filesystem::path& folder) override;
  /// Pictures drawn of the first classes, by evaluation.sampling.
  std::vector<ReportSection> showcase() override;

  std::vector<std::string> notes() const { return {loader_.data().summary()}; }

 private:
  Json section_;
  VarOptions options_;
  runtime::Compute compute_;
  int64_t seed_;
  std::shared_ptr<Vqvae> vae_;
  std::shared_ptr<Var> model_;
  PictureLoader loader_;
  PictureTokens tokens_;
};

}  // namespace arzoo::image
