#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::image {

/// The normal distribution that stands for a set of feature vectors, in double precision.
struct FeatureStatistics {
  at::Tensor mu;     ///< [F]
  at::Tensor sigma;  ///< [F, F], the unbiased covariance (N - 1)

  /// features: [N, F], N at least 2; throws DataError for fewer.
  static FeatureStatistics of(const at::Tensor& features);
};

/// The squared Fréchet (2-Wasserstein) distance of two normal distributions, |mu_1 - mu_2|^2 +
/// tr(S_1 + S_2 - 2 (S_1 S_2)^(1/2)): with Inception-v3's pool features the FID (Heusel et al., NeurIPS
/// 2017).
///
/// The trace of the root is the sum of the roots of the eigenvalues of S_1^(1/2) S_2 S_1^(1/2), a symmetric
/// matrix, so that no offset is needed where the covariances are singular. Throws DataError for features of
/// different widths.
double frechet_distance(const FeatureStatistics& a, const FeatureStatistics& b);

}  // namespace arzoo::image
