#pragma once

#include <random>

#include "forecast/forecaster.h"
#include "forecast/layers/window_norm.h"

namespace arzoo::forecast {

/// Scales a batch by its own histories, as a zero-shot forecast does (Time-MoE's README): each variate's
/// window is standardised by the mean and the unbiased standard deviation of its history, 1 where that is 0.
/// Returns these statistics; undefined, and the batch unchanged, when that is not `wanted`.
WindowStats scale_windows(ForecastBatch& batch, bool wanted);

/// Makes each window of a scaled batch a mixture of itself and up to most - 1 others of it, with weights of a
/// Dirichlet distribution and random signs, scaled again by its history (after TSMixup: Ansari et al.,
/// Chronos, TMLR 2024, Sec. 4.1; the signs are an addition). Leaves the batch as it is when `most` is 1.
void mix_windows(ForecastBatch& batch, int64_t most, std::mt19937_64 generator);

}  // namespace arzoo::forecast
