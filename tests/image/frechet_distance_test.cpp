#include "image/frechet_distance.h"

#include "core/error.h"
#include "support/features.h"

using namespace arzoo;
using image::FeatureStatistics;
using image::frechet_distance;
using test::features;

// Expected values: numpy.cov and scipy.linalg.sqrtm in double precision on the same features.
TEST_CASE("statistics are the mean and the unbiased covariance") {
  const auto statistics = FeatureStatistics::of(features(40, 5, 1.0));
  CHECK(statistics.mu[2].item<double>() == Approx(0.12695679665585485).epsilon(1e-12));
  CHECK(statistics.sigma[0][1].item<double>() == Approx(0.05713815633411287).epsilon(1e-12));
}

TEST_CASE("the Frechet distance equals the one by a matrix square root") {
  const auto a = FeatureStatistics::of(features(40, 5, 1.0)), b = FeatureStatistics::of(features(30, 5, 2.0));
  CHECK(frechet_distance(a, b) == Approx(0.231889517545475).epsilon(1e-12));
  CHECK(frechet_distance(b, a) == Approx(0.231889517545475).epsilon(1e-12));
  CHECK(std::abs(frechet_distance(a, a)) < 1e-12);
}

TEST_CASE("fewer pictures than features make singular covariances, and no trouble") {
  const auto a = FeatureStatistics::of(features(4, 6, 1.0)), b = FeatureStatistics::of(features(5, 6, 3.0));
  CHECK(frechet_distance(a, b) == Approx(6.7844966843474).epsilon(1e-7));
}

TEST_CASE("features that cannot be compared are refused") {
  CHECK_THROWS_AS(FeatureStatistics::of(features(1, 5, 1.0)), DataError);
  CHECK_THROWS_AS(frechet_distance(FeatureStatistics::of(features(9, 5, 1.0)),
                                   FeatureStatistics::of(features(9, 4, 1.0))),
                  DataError);
}
