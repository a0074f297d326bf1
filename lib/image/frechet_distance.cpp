#include "image/frechet_distance.h"

#include <torch/torch.h>

#include "core/error.h"

namespace arzoo::image {
namespace {

/// The root of a positive semi-definite matrix; what rounding made negative counts as zero.
at::Tensor square_root(const at::Tensor& matrix) {
  const auto [values, vectors] = at::linalg_eigh(matrix);
  return (vectors * values.clamp_min(0.0).sqrt()).matmul(vectors.t());
}

}  // namespace

FeatureStatistics FeatureStatistics::of(const at::Tensor& features) {
  if (features.dim() != 2 || features.size(0) < 2)
    fail<DataError>("features of {} pictures, expected at least 2",
                    features.dim() == 2 ? features.size(0) : 0);
  const auto rows = features.to(at::kDouble);
  const auto mu = rows.mean(0), centred = rows - mu;
  return {mu, centred.t().matmul(centred) / static_cast<double>(rows.size(0) - 1)};
}

double frechet_distance(const FeatureStatistics& a, const FeatureStatistics& b) {
  if (a.mu.sizes() != b.mu.sizes())
    fail<DataError>("features of width {} and {}, expected the same", a.mu.size(0), b.mu.size(0));
  const auto root = square_root(a.sigma);
  const auto product = root.matmul(b.sigma).matmul(root);
  const auto values = at::linalg_eigvalsh((product + product.t()) / 2.0).clamp_min(0.0);
  const auto distance =
      (a.mu - b.mu).square().sum() + a.sigma.trace() + b.sigma.trace() - values.sqrt().sum() * 2.0;
  return distance.item<double>();
}

}  // namespace arzoo::image
