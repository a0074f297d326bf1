#include "image/sample_metrics.h"

#include <torch/torch.h>

#include "core/error.h"

namespace arzoo::image {
namespace {

constexpr int64_t kDistanceRows = 1024;

/// Squared distances of all rows of a from all rows of b.
at::Tensor squared_distances(const at::Tensor& a, const at::Tensor& b) {
  const auto squares = a.square().sum(1, /*keepdim=*/true) + b.square().sum(1);
  return squares.addmm(a, b.t(), 1, -2).clamp_min_(0.0);
}

/// The squared distance of each row from its k-th nearest other.
at::Tensor radii_of(const at::Tensor& rows, int64_t k) {
  std::vector<at::Tensor> radii;
  for (const auto& some : rows.split(kDistanceRows)) {
    // The nearest is the row itself.
    radii.push_back(std::get<0>(at::kthvalue(squared_distances(some, rows), k + 1, 1)));
  }
  return at::cat(radii);
}

/// The share of `rows` that lie within the radius of some centre.
double share_within(const at::Tensor& rows, const at::Tensor& centres, const at::Tensor& radii) {
  double within = 0.0;
  for (const auto& some : rows.split(kDistanceRows))
    within += squared_distances(some, centres).le(radii).any(1).sum().item<double>();
  return within / static_cast<double>(rows.size(0));
}

}  // namespace

double inception_score(const at::Tensor& probabilities, int64_t part) {
  std::vector<double> scores;
  double sum = 0.0;
  for (const auto& some : probabilities.to(at::kDouble).split(part)) {
    const auto mean = some.mean(0, /*keepdim=*/true);
    const auto divergence = at::xlogy(some, some) - at::xlogy(some, mean);
    scores.push_back(std::exp(divergence.sum(1).mean().item<double>()));
    sum += scores.back();
  }
  return sum / static_cast<double>(scores.size());
}

at::Tensor squared_error(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).to(at::kDouble).square().mean({1, 2, 3});
}

at::Tensor signal_to_noise(const at::Tensor& squared_error, double peak) {
  return (squared_error / (peak * peak)).clamp_min(1e-10).log10() * -10.0;
}

PrecisionRecall precision_recall(const at::Tensor& real, const at::Tensor& generated, int64_t k) {
  const auto a = real.to(at::kDouble), b = generated.to(at::kDouble);
  for (const auto& rows : {a, b}) {
    if (rows.size(0) <= k)
      fail<DataError>("features of {} pictures, expected more than the {} neighbours of precision and recall",
                      rows.size(0), k);
  }
  return {share_within(b, a, radii_of(a, k)), share_within(a, b, radii_of(b, k))};
}

double class_fidelity(const at::Tensor& probabilities, const at::Tensor& labels) {
  if (labels.dim() != 1 || labels.size(0) != probabilities.size(0)) {
    fail<DataError>("{} labels of {} pictures, expected one each", labels.numel(), probabilities.size(0));
  }
  if (labels.lt(0).logical_or(labels.ge(probabilities.size(1))).any().item<bool>()) {
    fail<DataError>("labels from {} to {}, expected classes 0 to {} as the probabilities have them",
                    labels.min().item<int64_t>(), labels.max().item<int64_t>(), probabilities.size(1) - 1);
  }
  return probabilities.argmax(1).eq(labels).to(at::kDouble).mean().item<double>();
}

}  // namespace arzoo::image
