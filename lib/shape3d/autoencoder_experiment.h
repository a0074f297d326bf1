#pragma once

#include "shape3d/shape_autoencoder.h"
#include "shape3d/shape_experiment.h"

namespace arzoo::shape3d {

/// Training a model that codes shapes: what it is measured by, whatever the model.
class AutoencoderExperiment : public ShapeExperiment {
 public:
  /// {"logits", "iou"}: binary cross-entropy and mean volume IoU at points of the cube, of the codes of
  /// inference; with data.low_res {"iou_low"} too; on the test split also {"chamfer", "f_0.01", "f_0.02",
  /// "nc"} of meshes (see lib/shape3d/shape_metrics.h).
  runtime::Metrics evaluate(runtime::Split split) override;
  /// Shapes and, below each, its reconstruction.
  std::vector<ReportSection> showcase() override;

 protected:
  using ShapeExperiment::ShapeExperiment;

  virtual ShapeAutoencoder& autoencoder() = 0;
  /// Training batch `number` on the device.
  ShapeBatch training_batch(int64_t number);

 private:
  io::Mesh reconstruct(const at::Tensor& code);
};

}  // namespace arzoo::shape3d
