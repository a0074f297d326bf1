#pragma once

#include <ATen/core/Tensor.h>

#include "icl/data_options.h"

/// The classes of functions that learners are shown (Garg et al. 2022, Sec. 3 and 4). B functions, P points,
/// d coordinates.
namespace arzoo::icl {

/// scale * x . w. xs: [B, P, d]; w: [B, d, 1]; returns [B, P], as do the others.
at::Tensor linear_values(const at::Tensor& xs, const at::Tensor& w, double scale = 1.0);
/// The sign of x . w.
at::Tensor sign_values(const at::Tensor& xs, const at::Tensor& w);
/// scale * x^2 . w / sqrt(3).
at::Tensor quadratic_values(const at::Tensor& xs, const at::Tensor& w, double scale = 1.0);
/// relu(x W1) W2 sqrt(2 / h). w1: [B, d, h]; w2: [B, h, 1].
at::Tensor network_values(const at::Tensor& xs, const at::Tensor& w1, const at::Tensor& w2);
/// The value of the leaf that x reaches in a full binary tree, stored as a heap: from node n it goes to 2n +
/// 1, or to 2n + 2 where the node's coordinate is positive. coordinates: [B, 2^(depth + 1) - 1] long; values:
/// the same shape.
at::Tensor tree_values(const at::Tensor& xs, const at::Tensor& coordinates, const at::Tensor& values);

/// w with all but `sparsity` coordinates of each function zeroed: those that stand first in `order`, [B,
/// valid] long.
at::Tensor sparse_weights(const at::Tensor& w, const at::Tensor& order, int64_t sparsity);
/// ys + noise; renormalised to the variance d where asked for: times sqrt(d) / the standard deviation of all
/// ys.
at::Tensor noisy_values(const at::Tensor& ys, const at::Tensor& noise, int64_t dims, bool renormalise);

/// A batch of functions of a class.
class Functions {
 public:
  /// dims: the coordinates that count at this point of the curriculum.
  Functions(const FunctionOptions& options, int64_t count, int64_t dims, at::Generator& generator);

  /// Without noise. xs: [B, P, d].
  at::Tensor operator()(const at::Tensor& xs) const;

 private:
  FunctionOptions options_;
  at::Tensor w_, w1_, w2_, coordinates_, values_;
};

/// A batch of prompts.
struct Prompts {
  at::Tensor xs, ys;  ///< [B, P, d], [B, P]
  at::Tensor values;  ///< ys without noise, [B, P]
};

/// x ~ N(0, I), of which the coordinates from `dims` on are zeroed.
at::Tensor gaussian_points(int64_t count, int64_t points, int64_t all_dims, int64_t dims,
                           at::Generator& generator);
Prompts sample_prompts(const FunctionOptions& options, int64_t count, int64_t points, int64_t dims,
                       at::Generator generator);

/// What an error is divided by so that answering 0 scores 1: the variance of y without noise.
double trivial_error(const FunctionOptions& options);

}  // namespace arzoo::icl
