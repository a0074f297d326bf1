#pragma once

#include <cstdint>

#include "kernels/column_blocks.h"

namespace arzoo::kernels {

/// mean[t] = the mean of x over the steps t - half .. t + half, steps beyond the ends being the end's. Both
/// are blocks (column_blocks.h).
void moving_mean(const float* x, float* mean, int64_t length, int64_t half);

/// The transposed map, which a gradient takes: sum[u] = the sum over all t of the weight of x[u] in mean[t]
/// times g[t].
void moving_mean_transposed(const float* g, float* sum, int64_t length, int64_t half);

}  // namespace arzoo::kernels
