#include "forecast/scores/quantile_levels.h"

#include "support/test.h"

using namespace arzoo::forecast;

namespace {

const std::vector<double> kDeciles = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};

}  // namespace

TEST_CASE("a level between two is on the line between their quantiles, one beyond them is the last") {
  const auto quantiles = at::tensor({1.0, 3.0, 4.0});
  const auto found = interpolated_levels(quantiles, {0.1, 0.5, 0.6}, {0.05, 0.1, 0.3, 0.55, 0.9});
  CHECK(at::allclose(found, at::tensor({1.0, 1.0, 2.0, 3.5, 4.0})));
}

TEST_CASE("sample quantiles are torch.quantile's, whatever the order of the samples") {
  const auto samples = at::randn({3, 17});
  const std::vector<double> wanted = {0.0, 0.1, 0.33, 0.5, 0.999, 1.0};
  const auto expected = at::quantile(samples, at::tensor(wanted, at::kFloat), 1).t();
  CHECK(at::allclose(sample_quantiles(samples, wanted), expected, 1e-5, 1e-6));
}

TEST_CASE("the masses of levels are half the way to their neighbours and sum to 1") {
  const auto masses = level_masses({0.1, 0.5, 0.9});
  CHECK(masses[0] == Approx(0.25 / 0.9));
  CHECK(masses[1] == Approx(0.4 / 0.9));
  CHECK(masses[2] == masses[0]);
}

TEST_CASE("weighted quantiles follow the cumulative weights from the first sample on") {
  const auto samples = at::tensor({3.0, 1.0, 2.0}), weights = at::tensor({0.2, 0.5, 0.3});
  const auto found = weighted_quantiles(samples, weights, {0.25, 0.5, 0.65, 0.9, 1.0});
  // Cumulative weights 0.5 (of 1), 0.8 (of 2), 1.0 (of 3); before 0.5 the first sample.
  CHECK(at::allclose(found, at::tensor({1.0, 1.0, 1.5, 2.5, 3.0}), 1e-6, 1e-6));
}

TEST_CASE("equally weighted quantiles of a path's own quantiles ascend with the level") {
  const auto samples = at::randn({4, 81});
  const auto found = weighted_quantiles(samples, at::full({81}, 1.0 / 81), kDeciles);
  CHECK((found.diff(1, -1) >= 0).all().item<bool>());
}

TEST_CASE("the pinball loss is twice the distance, by the level's side") {
  const auto quantiles = at::tensor({1.0, 1.0}).view({1, 2, 1});
  const auto above = quantile_errors(quantiles, at::full({1, 1}, 3.0), {0.1, 0.9});
  CHECK(at::allclose(above.flatten(), at::tensor({0.4, 3.6})));
  const auto below = quantile_errors(quantiles, at::full({1, 1}, 0.0), {0.1, 0.9});
  CHECK(at::allclose(below.flatten(), at::tensor({1.8, 0.2})));
}
