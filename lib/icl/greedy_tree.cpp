#include <torch/torch.h>

#include <algorithm>
#include <numeric>
#include <span>

#include "icl/baselines.h"

namespace arzoo::icl {
namespace {

/// One prompt's points: N rows of d numbers, row-major, and N targets.
struct Points {
  const float *x, *y;
  int64_t dims;

  float at(int64_t point, int64_t dim) const { return x[point * dims + dim]; }
};

struct Split {
  int64_t dim = -1;  ///< -1: none
  double threshold = 0.0;
  double score =
      0.0;  ///< sum of squared sums over counts of the two sides: greatest where the error is least
};

double mean_of(const Points& points, std::span<const int64_t> members) {
  double sum = 0.0;
  for (const auto member : members) sum += points.y[member];
  return sum / static_cast<double>(members.size());
}

/// The best split along one coordinate. members come back sorted by it.
Split best_along(const Points& points, std::span<int64_t> members, int64_t dim, double total) {
  std::sort(members.begin(), members.end(),
            [&](int64_t a, int64_t b) { return points.at(a, dim) < points.at(b, dim); });
  Split best;
  double left = 0.0;
  for (std::size_t count = 1; count < members.size(); ++count) {
    left += points.y[members[count - 1]];
    const double below = points.at(members[count - 1], dim), above = points.at(members[count], dim);
    if (below == above) continue;
    const double right = total - left;
    const double score = left * left / static_cast<double>(count) +
                         right * right / static_cast<double>(members.size() - count);
    if (best.dim < 0 || score > best.score) best = {dim, (below + above) / 2.0, score};
  }
  return best;
}

/// Follows the one branch of the tree that the query takes, and grows it on the way: the other branches are
/// never needed.
double answer(const Points& points, std::span<int64_t> members, const float* query, int64_t levels) {
  while (true) {
    const double mean = mean_of(points, members);
    const bool pure = std::all_of(members.begin(), members.end(), [&](int64_t member) {
      return points.y[member] == points.y[members.front()];
    });
    if (pure || levels == 0) return mean;
    Split best;
    for (int64_t dim = 0; dim < points.dims; ++dim) {
      const auto split = best_along(points, members, dim, mean * static_cast<double>(members.size()));
      if (split.dim >= 0 && (best.dim < 0 || split.score > best.score)) best = split;
    }
    if (best.dim < 0) return mean;
    const auto middle = std::partition(members.begin(), members.end(), [&](int64_t member) {
      return points.at(member, best.dim) <= best.threshold;
    });
    const auto count = static_cast<std::size_t>(middle - members.begin());
    members = query[best.dim] <= best.threshold ? members.first(count) : members.subspan(count);
    --levels;
  }
}

}  // namespace

Algorithm greedy_tree(int64_t max_depth) {
  return [max_depth](const at::Tensor& xs, const at::Tensor& ys, const at::Tensor& query) {
    const auto x = xs.contiguous(), y = ys.contiguous(), q = query.contiguous();
    const int64_t points = x.size(1), dims = x.size(2);
    auto answers = at::empty({x.size(0)});
    std::vector<int64_t> members(static_cast<std::size_t>(points));
    for (int64_t b = 0; b < x.size(0); ++b) {
      std::iota(members.begin(), members.end(), int64_t{0});
      const Points own{x.const_data_ptr<float>() + b * points * dims, y.const_data_ptr<float>() + b * points,
                       dims};
      // A level below 0 is never reached: no limit.
      answers[b] = answer(own, members, q.const_data_ptr<float>() + b * dims, max_depth > 0 ? max_depth : -1);
    }
    return answers;
  };
}

}  // namespace arzoo::icl
