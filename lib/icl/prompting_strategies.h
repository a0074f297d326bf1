#pragma once

#include <functional>

#include "icl/function_classes.h"

/// How a learner is asked (Garg et al. 2022, Sec. 3.3 and A.3): the points that it learns from and those that
/// it is asked about may differ in distribution.
namespace arzoo::icl {

/// Points to learn from and to be asked about, [B, P, d] each; the second undefined where they are the same.
struct StrategyPoints {
  at::Tensor xs, queries;
};

/// Names of the strategies: standard, random_quadrants, opposite_quadrants, orthogonal_train_test,
/// overlapping_train_test, half_subspace, skewed.
const std::vector<std::string>& strategies();
StrategyPoints strategy_points(const std::string& strategy, int64_t count, int64_t points, int64_t dims,
                               at::Generator& generator);

/// The map of "skewed": xs @ (U diag(e) U^T) with e_k proportional to 1 / (k + 1) and of squared norm d.
at::Tensor skewing(const at::Tensor& u);

/// Squared errors of a predictor, [B, P]. With queries, point i is predicted from the first i points of xs
/// and asked about point i of the queries.
using Predictor = std::function<at::Tensor(const at::Tensor& xs, const at::Tensor& ys)>;
at::Tensor strategy_errors(const Predictor& predict, const StrategyPoints& points,
                           const std::function<at::Tensor(const at::Tensor&)>& function);

/// Mean, standard deviation and 90 % bootstrap band (1000 resamples) of the errors at each point, [P] fp64.
struct ErrorCurve {
  at::Tensor mean, stddev, low, high;
};
ErrorCurve error_curve(const at::Tensor& errors, int64_t seed);

}  // namespace arzoo::icl
