#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::graph {

/// Average precision: sum of (R_i - R_{i-1}) P_i over the distinct scores, falling. Any shapes.
double average_precision(const at::Tensor& positive, const at::Tensor& negative);
/// The chance that a true link's score is above another's; equal ones count half.
double area_under_roc(const at::Tensor& positive, const at::Tensor& negative);
/// The rank of each true link among its own negatives, ties counted half (Temporal Graph Benchmark).
/// positive: [Q]; negative: [Q, K]; returns [Q] double.
at::Tensor link_ranks(const at::Tensor& positive, const at::Tensor& negative);

}  // namespace arzoo::graph
