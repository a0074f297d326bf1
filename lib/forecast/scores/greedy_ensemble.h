#pragma once

#include <cstddef>
#include <vector>

#include <ATen/core/Tensor.h>

namespace arzoo::forecast {

/// How many times the selection picks a model: weights are multiples of one over this.
inline constexpr int kEnsembleRounds = 25;

/// Weights of models, none negative, that sum to 1: greedy selection with replacement (Caruana et al., ICML
/// 2004). Each round adds the model whose mean with those picked before has the least mean absolute error;
/// the rounds after the best one are dropped, so that the result is never worse than the best single model on
/// these forecasts. forecasts: [N] models of the same shape; truth: that shape, NaN where nothing was
/// measured; scale: broadcasts against it, what errors are divided by. A model with a forecast that is not
/// finite gets no weight. At least one model must have finite forecasts.
std::vector<double> greedy_ensemble(const std::vector<at::Tensor>& forecasts, const at::Tensor& truth,
                                    const at::Tensor& scale);

}  // namespace arzoo::forecast
