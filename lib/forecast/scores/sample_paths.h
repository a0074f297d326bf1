#pragma once

#include <ATen/core/Tensor.h>

#include "forecast/scores/distribution.h"

namespace arzoo::forecast {

/// Sample paths of a forecast: joint samples of all its steps, so that their sums over time mean something.
///
/// A Gaussian copula: normal scores are an autoregressive process of order 1 over the steps, with the lag-1
/// autocorrelation of the validation windows' scores, and each step's score is mapped through its own
/// distribution. Each step has exactly its distribution; the dependence falls off geometrically with the
/// distance of two steps, whatever the model's errors do beyond one step; variates are independent.
///
/// distribution: cells [horizon] of one variate; autocorrelation: in (-1, 1). Returns paths first, first + 1,
/// … of the stream `seed`: [count, horizon] double. A path depends on seed and number alone, not on the count
/// nor on the number of threads.
at::Tensor sample_paths(const Distribution& distribution, double autocorrelation, uint64_t seed,
                        int64_t first, int64_t count);

}  // namespace arzoo::forecast
