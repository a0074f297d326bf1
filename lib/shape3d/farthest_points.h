#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::shape3d {

/// How many of `points` points farthest point sampling keeps: torch_cluster's ceil in fp32.
int64_t farthest_count(int64_t points, double ratio);

/// Farthest point sampling (Eldar et al. 1997; torch_cluster's fps): each next point is the one farthest from
/// those chosen before, the first of several.
///
/// points: [B, N, 3] fp32; start: [B] long, where each cloud begins; returns [B, count] long, in the order of
/// their choice. Throws DataError unless every start is one of the N points and count <= N.
at::Tensor farthest_points(const at::Tensor& points, const at::Tensor& start, int64_t count);

/// The point of each cloud that lies farthest towards one corner, [B] long: where the choice begins when
/// alike shapes shall have alike orders. The official start is random.
at::Tensor corner_start(const at::Tensor& points);

}  // namespace arzoo::shape3d
