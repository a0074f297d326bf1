#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::shape3d {

/// [B]: volume IoU of a batch's points, |both inside| / |either inside|; 1 where nothing is inside. Inside is
/// a logit >= 0. logits, labels: [B, N].
at::Tensor occupancy_iou(const at::Tensor& logits, const at::Tensor& labels);
/// The share of points whose logit has the right sign.
at::Tensor occupancy_accuracy(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace arzoo::shape3d
