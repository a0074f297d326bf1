#include "shape3d/occupancy_metrics.h"

#include <torch/torch.h>

namespace arzoo::shape3d {

at::Tensor occupancy_iou(const at::Tensor& logits, const at::Tensor& labels) {
  const auto predicted = logits.ge(0), truth = labels.ge(0.5);
  const auto both = predicted.logical_and(truth).sum(1).to(at::kFloat);
  const auto either = predicted.logical_or(truth).sum(1).to(at::kFloat);
  return at::where(either.gt(0), both / either, at::ones({}, both.options()));
}

at::Tensor occupancy_accuracy(const at::Tensor& logits, const at::Tensor& labels) {
  return logits.ge(0).eq(labels.ge(0.5)).to(at::kFloat).mean();
}

}  // namespace arzoo::shape3d
