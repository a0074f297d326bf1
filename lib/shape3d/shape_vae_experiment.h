#pragma once

#include "shape3d/shape_experiment.h"

namespace arzoo::shape3d {

/// Training the shape VAE by the official objective; with data.low_res each step also sees every shape by a
/// quarter of its points (the two terms have equal weight), so that one VAE serves both stages of MAR-3D.
class ShapeVaeExperiment : public ShapeExperiment {
 public:
  ShapeVaeExperiment(const Config& config, const runtime::Compute& compute);

  torch::nn::Module& model() override { return *model_; }
  runtime::Losses loss(int64_t batch) override;
  /// {"logits", "iou"}: binary cross-entropy and mean volume IoU at points of the cube, of the posterior's
  /// mean; with low_res {"iou_low"} too; on the test split also {"chamfer", "f_0.01", "f_0.02", "nc"} of
  /// meshes (see lib/shape3d/shape_metrics.h).
  runtime::Metrics evaluate(runtime::Split split) override;
  /// Shapes and, below each, its reconstruction.
  std::vector<ReportSection> showcase() override;

 private:
  at::Tensor posterior_noise(const SurfaceClouds& clouds) const;
  SurfaceClouds on_device(const SurfaceClouds& clouds) const;
  io::Mesh reconstruct(const at::Tensor& mean) const;

  std::shared_ptr<ShapeVae> model_;
};

}  // namespace arzoo::shape3d
