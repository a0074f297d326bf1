#include "graph/link_metrics.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"

namespace arzoo::graph {
namespace {

struct Scored {
  double score;
  bool positive;
};

/// All pairs, the highest score first.
std::vector<Scored> falling(const at::Tensor& positive, const at::Tensor& negative) {
  std::vector<Scored> all;
  const auto add = [&](const at::Tensor& scores, bool truth) {
    const auto numbers = scores.detach().to(at::kCPU, at::kDouble).contiguous();
    const auto* data = numbers.const_data_ptr<double>();
    for (int64_t i = 0; i < numbers.numel(); ++i) {
      if (!std::isfinite(data[i])) fail<SystemFailure>("a score of a link is not finite");
      all.push_back({data[i], truth});
    }
  };
  add(positive, true);
  add(negative, false);
  std::sort(all.begin(), all.end(), [](const Scored& a, const Scored& b) { return a.score > b.score; });
  return all;
}

/// Calls visit(positives, negatives) for each distinct score.
template <class Visit>
void each_score(const std::vector<Scored>& all, const Visit& visit) {
  for (std::size_t i = 0; i < all.size();) {
    double positives = 0.0, negatives = 0.0;
    const double score = all[i].score;
    do (all[i].positive ? positives : negatives) += 1.0;
    while (++i < all.size() && all[i].score == score);
    visit(positives, negatives);
  }
}

}  // namespace

double average_precision(const at::Tensor& positive, const at::Tensor& negative) {
  double true_ones = 0.0, seen = 0.0, sum = 0.0;
  each_score(falling(positive, negative), [&](double positives, double negatives) {
    true_ones += positives;
    seen += positives + negatives;
    sum += positives * true_ones / seen;
  });
  return sum / static_cast<double>(positive.numel());
}

double area_under_roc(const at::Tensor& positive, const at::Tensor& negative) {
  double above = 0.0, sum = 0.0;  // true links with a higher score
  each_score(falling(positive, negative), [&](double positives, double negatives) {
    sum += negatives * (above + positives / 2);
    above += positives;
  });
  return sum / (static_cast<double>(positive.numel()) * static_cast<double>(negative.numel()));
}

at::Tensor link_ranks(const at::Tensor& positive, const at::Tensor& negative) {
  const auto own = positive.unsqueeze(1);
  const auto count = [](const at::Tensor& holds) { return holds.sum(1).to(at::kDouble); };
  return (count(negative.gt(own)) + count(negative.ge(own))) * 0.5 + 1.0;
}

}  // namespace arzoo::graph
