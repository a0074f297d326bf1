#pragma once

#include "shape3d/shape_autoencoder.h"
#include "shape3d/shape_experiment.h"

namespace arzoo::shape3d {

/// Training a generator on the codes of a trained, frozen model that codes shapes (data.tokenizer).
class CodeExperiment : public ShapeExperiment {
 public:
  runtime::Losses loss(int64_t batch) override;
  /// {"loss"} of the codes of inference.
  runtime::Metrics evaluate(runtime::Split split) override;
  /// Also writes vae/, the tokenizer's folder: the two together generate shapes.
  void save(const std::filesystem::path& folder) override;
  /// Shapes generated of the classes, by evaluation.sampling.
  std::vector<ReportSection> showcase() override;

 protected:
  /// config: resolved. Throws DataError, CheckpointError for a tokenizer that is missing, ConfigError for one
  /// that does not code by tokens.
  CodeExperiment(const Config& config, const runtime::Compute& compute);

  /// Of labels [B] long and codes [B, L] long.
  virtual runtime::Losses loss_of(const at::Tensor& labels, const at::Tensor& codes) = 0;
  /// The codes of shapes of these classes, by evaluation.sampling, and what the report says of it.
  virtual at::Tensor generate(const at::Tensor& labels, const std::vector<uint64_t>& seeds) = 0;
  ShapeAutoencoder& tokenizer() { return *autoencoder_; }
  /// Throws ConfigError unless the option at `key` has the tokenizer's value.
  void require_equal(const Config& option, int64_t value, int64_t wanted, const char* what) const;
  /// Throws ConfigError where the shapes have more classes than the option at `key`.
  void require_classes(const Config& option, int64_t classes) const;

 private:
  at::Tensor codes_of(const SurfaceClouds& clouds);

  int64_t seed_;
  ModelFolder tokenizer_;
  std::shared_ptr<ShapeAutoencoder> autoencoder_;
};

}  // namespace arzoo::shape3d
