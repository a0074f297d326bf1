#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

/// Arithmetic on the quantiles that a model forecasts. Shapes: `Q` levels, ascending; `S` samples.
namespace arzoo::forecast {

/// The place of `level` among `levels`, to within 1e-9; -1 where it is none of them.
int64_t place_of_level(const std::vector<double>& levels, double level);

/// The quantiles of `wanted` levels, [..., W], of quantiles [..., Q] of `levels`: those that the model has as
/// they are, others along the line between their neighbours, beyond the ends the last one.
at::Tensor interpolated_levels(const at::Tensor& quantiles, const std::vector<double>& levels,
                               const std::vector<double>& wanted);

/// torch.quantile along the last axis: samples [..., S], linear between the two nearest ones; returns [...,
/// W].
at::Tensor sample_quantiles(const at::Tensor& samples, const std::vector<double>& wanted);

/// The share of the probability that each level stands for: half the way to its neighbours, of which the
/// first and the last are 0 and 1; the sum is 1.
std::vector<double> level_masses(const std::vector<double>& levels);

/// Quantiles of weighted samples: samples [..., S]; weights [S], positive, of sum 1; the value at which the
/// line through the cumulative weights reaches each level; returns [..., W].
at::Tensor weighted_quantiles(const at::Tensor& samples, const at::Tensor& weights,
                              const std::vector<double>& wanted);

/// 2 |(y - q) (1[y <= q] - level)|, the pinball loss twice (Koenker & Bassett, 1978). quantiles: [B, Q, H];
/// truth: [B, H]; returns [B, Q, H].
at::Tensor quantile_errors(const at::Tensor& quantiles, const at::Tensor& truth,
                           const std::vector<double>& levels);

}  // namespace arzoo::forecast
