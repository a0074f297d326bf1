#pragma once

#include "shape3d/mar3d_model.h"
#include "shape3d/shape_experiment.h"
#include "shape3d/shape_vae_model.h"

namespace arzoo::shape3d {

/// Training MAR-3D's cascade on the tokens of full and of quarter clouds, computed by a trained, frozen shape
/// VAE (data.tokenizer). Tokens begin at the point farthest towards one corner (corner_start), so that
/// similar shapes have similar orders and the position tables are meaningful.
class Mar3dExperiment : public ShapeExperiment {
 public:
  /// config: resolved. Throws DataError, CheckpointError for a tokenizer that is missing, ConfigError for one
  /// whose tokens are not those that the model's sizes say.
  Mar3dExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  /// Before the first batch the tokens' scale is measured.
  void prepare(int64_t batch) override;
  /// The sum of both stages' diffusion losses. Parts: "lr/mse", "lr/vb", "hr/mse", "hr/vb".
  runtime::Losses loss(int64_t batch) override;
  /// {"loss", "lr_mse", "hr_mse"} with fixed random numbers, everything given.
  runtime::Metrics evaluate(runtime::Split split) override;
  /// Also writes vae/, the tokenizer's folder: the two together generate shapes.
  void save(const std::filesystem::path& folder) override;
  /// Shapes generated of the classes, by evaluation.sampling.
  std::vector<ReportSection> showcase() override;

 private:
  /// Tokens of a batch, unscaled, and what is given of it.
  struct Tokens {
    at::Tensor low, high;
    GivenOfShape given;
  };
  Tokens tokens_of(const LabelledShapes& batch, bool all_given);
  at::Tensor encoded(const SurfaceClouds& clouds, bool sampled) const;

  int64_t seed_;
  ModelFolder tokenizer_;
  std::shared_ptr<ShapeVae> vae_;
  std::shared_ptr<Mar3d> model_;
};

}  // namespace arzoo::shape3d
