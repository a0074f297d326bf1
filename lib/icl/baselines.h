#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

/// What in-context learners are compared with: algorithms that are given the same prompts. B prompts, P
/// points, d coordinates.
namespace arzoo::icl {

/// An algorithm: the y of each query from a context of points. xs: [B, N, d]; ys: [B, N]; query: [B, d];
/// returns [B].
using Algorithm =
    std::function<at::Tensor(const at::Tensor& xs, const at::Tensor& ys, const at::Tensor& query)>;

/// The y of each point from the points before it, 0 for the first. xs: [B, P, d]; ys: [B, P]; returns [B, P].
at::Tensor predict_online(const Algorithm& algorithm, const at::Tensor& xs, const at::Tensor& ys);

/// Ordinary least squares of minimum norm, in fp64. The solution of the normal equations where the points do
/// not determine one.
at::Tensor least_squares_weights(const at::Tensor& xs, const at::Tensor& ys);
/// argmin |y - X w|^2 + alpha |w|^2, in fp64. These two return [B, d].
at::Tensor ridge_weights(const at::Tensor& xs, const at::Tensor& ys, double alpha);

Algorithm least_squares();
Algorithm ridge(double alpha);
/// w = mean of x y.
Algorithm averaging();
/// The mean of the `neighbours` nearest points (fewer where there are fewer), uniform or by 1 / distance, an
/// exact match alone.
Algorithm nearest_neighbours(int64_t neighbours, bool by_distance = false);

struct GradientDescentOptions {
  double learning_rate = 0.02;
  bool full_passes =
      false;  ///< start from 0 for each query; step i on the first i points. Else on the newest point.
  double weight_decay = 0.0;
};
/// Gradient descent on the summed squared error, each coordinate of a gradient within ±20 (Akyürek et al.
/// 2023).
Algorithm gradient_descent_learner(const GradientDescentOptions& options);

/// argmin |y - X w|^2 / 2 N + alpha |w|_1 without intercept, by cyclic coordinate descent until the duality
/// gap is below 1e-4 |y|^2.
Algorithm lasso(double alpha);

/// A regression tree grown greedily by squared error, split half-way between neighbours; max_depth 0 for no
/// limit.
Algorithm greedy_tree(int64_t max_depth);

/// A network of one hidden layer per prompt, W1 [B, h, d], b1 [B, h], W2 [B, 1, h], b2 [B, 1].
struct NetworkWeights {
  at::Tensor w1, b1, w2, b2;
};
struct NetworkTraining {
  int64_t hidden = 100;
  int64_t steps = 100;
  double learning_rate = 5e-3;
};
/// Trained by Adam on the context, all points at each step. As in the official code a prompt's gradient is
/// divided by the number of prompts.
at::Tensor trained_network(const at::Tensor& xs, const at::Tensor& ys, const at::Tensor& query,
                           const NetworkWeights& start, const NetworkTraining& training);
/// The same from PyTorch's default initial weights, generated from `seed`.
Algorithm two_layer_network(const NetworkTraining& training, int64_t seed);

/// An algorithm under the name that tables and charts show.
struct NamedAlgorithm {
  std::string name;
  Algorithm run;
};
/// Those that Garg et al. compare with on this class of functions.
std::vector<NamedAlgorithm> baselines_for(const std::string& task);

}  // namespace arzoo::icl
