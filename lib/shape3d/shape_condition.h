#pragma once

#include <torch/nn/module.h>

#include "nn/linear_layer.h"
#include "shape3d/mar3d.h"

namespace arzoo::shape3d {

/// What is known of a batch of shapes before they are generated. A condition that a sample lacks is present
/// as well, its numbers are ignored.
struct GivenOfShape {
  at::Tensor labels;       ///< [B] long
  at::Tensor silhouettes;  ///< [B, 1, P, P], 1 where the shape is
  at::Tensor points;       ///< [B, n, C], tokens of a part of the surface (MAR-LR's number)
  at::Tensor has_label, has_silhouette, has_points;  ///< [B] bool

  /// Of classes alone. labels: [B] long, on the device that computes; class_num stands for no class.
  static GivenOfShape of_classes(const at::Tensor& labels, const Mar3dOptions& options);
};

/// How many rows of a buffer conditions take.
struct ConditionRows {
  int64_t patches = 0, points = 0;
  int64_t all() const { return 1 + patches + points; }
};

/// The rows of a buffer that say what is given: the class, the outline's patches, the points' tokens, each
/// with learned rows for its absence. It takes the place of the official towers (CLIP, DINOv2), whose rows
/// would be of width D as well.
class ShapeCondition : public torch::nn::Module {
 public:
  ShapeCondition(const Mar3dOptions& options, const ConditionRows& rows, int64_t token_width, int64_t width);

  /// [B, rows.all(), D].
  at::Tensor forward(const GivenOfShape& given) const;
  void initialise();

 private:
  int64_t patch_;
  ConditionRows rows_;
  at::Tensor class_emb_, patch_pos_, no_class_, no_patches_, no_points_;
  std::shared_ptr<nn::LinearLayer> patch_emb_, points_emb_;
};

}  // namespace arzoo::shape3d
