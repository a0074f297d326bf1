#include <torch/torch.h>

#include <cmath>

#include "icl/baselines.h"

namespace arzoo::icl {
namespace {

constexpr int64_t kMostPasses = 100000;  // of Garg et al.
constexpr double kTolerance = 1e-4;      // scikit-learn's

double shrunk(double value, double by) { return value > by ? value - by : value < -by ? value + by : 0.0; }

/// One prompt's problem: N rows of d numbers, row-major, and N targets.
struct Problem {
  const double *x, *y;
  int64_t points, dims;
  double penalty;  ///< alpha N

  double column_product(int64_t column, const std::vector<double>& with) const {
    double sum = 0.0;
    for (int64_t i = 0; i < points; ++i) sum += x[i * dims + column] * with[static_cast<std::size_t>(i)];
    return sum;
  }
};

double squared(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) sum += value * value;
  return sum;
}

/// How far the objective can lie above its minimum.
double duality_gap(const Problem& problem, const std::vector<double>& w,
                   const std::vector<double>& residual) {
  double largest = 0.0, sizes = 0.0, product = 0.0;
  for (int64_t j = 0; j < problem.dims; ++j) {
    largest = std::max(largest, std::abs(problem.column_product(j, residual)));
    sizes += std::abs(w[static_cast<std::size_t>(j)]);
  }
  const double norm = squared(residual);
  const double scale = largest > problem.penalty ? problem.penalty / largest : 1.0;
  for (int64_t i = 0; i < problem.points; ++i)
    product += residual[static_cast<std::size_t>(i)] * problem.y[i];
  return (scale < 1.0 ? 0.5 * (norm + norm * scale * scale) : norm) + problem.penalty * sizes -
         scale * product;
}

/// One pass over the coordinates; whether any of them still moves noticeably.
bool descend(const Problem& problem, const std::vector<double>& squares, std::vector<double>& w,
             std::vector<double>& residual) {
  double largest = 0.0, most_moved = 0.0;
  for (int64_t j = 0; j < problem.dims; ++j) {
    const auto column = static_cast<std::size_t>(j);
    if (squares[column] == 0.0) continue;
    const double before = w[column];
    const double full = problem.column_product(j, residual) + squares[column] * before;
    w[column] = shrunk(full, problem.penalty) / squares[column];
    const double move = w[column] - before;
    if (move != 0.0) {
      for (int64_t i = 0; i < problem.points; ++i)
        residual[static_cast<std::size_t>(i)] -= move * problem.x[i * problem.dims + j];
    }
    most_moved = std::max(most_moved, std::abs(move));
    largest = std::max(largest, std::abs(w[column]));
  }
  return largest > 0.0 && most_moved / largest >= kTolerance;
}

std::vector<double> solve(const Problem& problem) {
  std::vector<double> w(static_cast<std::size_t>(problem.dims), 0.0), squares(w.size(), 0.0);
  std::vector<double> residual(problem.y, problem.y + problem.points);
  for (int64_t i = 0; i < problem.points * problem.dims; ++i)
    squares[static_cast<std::size_t>(i % problem.dims)] += problem.x[i] * problem.x[i];
  const double allowed = kTolerance * squared(residual);
  if (duality_gap(problem, w, residual) <= allowed) return w;
  for (int64_t pass = 0; pass < kMostPasses; ++pass) {
    if (!descend(problem, squares, w, residual) && duality_gap(problem, w, residual) <= allowed) break;
  }
  return w;
}

}  // namespace

Algorithm lasso(double alpha) {
  return [alpha](const at::Tensor& xs, const at::Tensor& ys, const at::Tensor& query) {
    const auto x = xs.to(at::kDouble).contiguous(), y = ys.to(at::kDouble).contiguous();
    const int64_t points = x.size(1), dims = x.size(2);
    std::vector<at::Tensor> weights;
    for (int64_t b = 0; b < x.size(0); ++b) {
      const Problem problem{x.const_data_ptr<double>() + b * points * dims,
                            y.const_data_ptr<double>() + b * points, points, dims,
                            alpha * static_cast<double>(points)};
      weights.push_back(at::tensor(solve(problem), at::kDouble));
    }
    return (at::stack(weights) * query.to(at::kDouble)).sum(-1).to(query.scalar_type());
  };
}

}  // namespace arzoo::icl
