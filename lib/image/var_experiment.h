#pragma once

#include "image/picture_experiment.h"
#include "image/picture_tokens.h"
#include "image/var_model.h"

namespace arzoo::image {

/// Training VAR on the tokens of a trained VQ-VAE (data.tokenizer), by the official recipe, whose optimiser
/// settings are in configs/image/var_imagenet256.json; with model.supernet, VARiant's.
class VarExperiment : public PictureExperiment {
 public:
  /// config: resolved (plan/run_config.h). Throws DataError for pictures that cannot be used, CheckpointError
  /// for a tokenizer that is not the one that model.vae describes.
  VarExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  /// Cross-entropy over all tokens with label smoothing; some samples lose their class. Of a supernet, some
  /// batches train a sub-network, all of them equally likely.
  runtime::Losses loss(int64_t batch) override;
  /// As in TokenScores, of samples that keep their class. Of a supernet: first "supernet", the mean
  /// cross-entropy of the whole and its sub-networks, and behind the whole's scores each "Lm_d<depth>".
  runtime::Metrics evaluate(runtime::Split split) override;
  /// Also writes vae/, the tokenizer's folder, in the model's type: the two together generate pictures.
  void save(const std::filesystem::path& folder) override;
  /// Pictures generated of the first classes, by evaluation.sampling.
  std::vector<ReportSection> showcase() override;

 private:
  SubNetwork part(int64_t depth) const;
  std::optional<SubNetwork> sampled_part(int64_t batch) const;
  runtime::Metrics scores(runtime::Split split, const SubNetwork* part);

  VarOptions options_;
  int64_t seed_;
  std::shared_ptr<Vqvae> vae_;
  std::shared_ptr<Var> model_;
  PictureTokens tokens_;
};

}  // namespace arzoo::image
