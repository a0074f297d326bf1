#include "forecast/scores/distribution.h"

#include <cmath>

#include "forecast/scores/forecast_scores.h"
#include "forecast/scores/sample_paths.h"
#include "support/test.h"

using namespace arzoo;
using forecast::Distribution;

namespace {

at::Tensor numbers(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }

/// One cell with the quantiles of a normal distribution.
Distribution normal_by_quantiles(double mean, double deviation, const std::vector<double>& levels) {
  const auto values = at::special_ndtri(numbers(levels)) * deviation + mean;
  return Distribution::quantiles(levels, values.unsqueeze(0));
}

/// Ten cells of each kind.
std::vector<Distribution> kinds() {
  torch::manual_seed(3);
  const auto location = at::randn({10}, at::kDouble), scale = at::rand({10}, at::kDouble) + 0.3;
  const auto steps = at::rand({10, 4}, at::kDouble) + 0.1;
  return {Distribution::normal(location, scale), Distribution::student_t(location, scale, numbers({3.5})),
          Distribution::quantiles({0.1, 0.3, 0.5, 0.9}, location.unsqueeze(-1) + steps.cumsum(-1))};
}

/// The integral of (F(x) - 1[x >= y])² by brute force.
double integrated_crps(const Distribution& distribution, const at::Tensor& y, int64_t cell) {
  const auto one = distribution.chosen([&](const at::Tensor& part) { return part.narrow(0, cell, 1); });
  const double truth = y[cell].item<double>();
  constexpr int64_t kSteps = 400'000;
  const auto x = at::linspace(truth - 60, truth + 60, kSteps, at::kDouble);
  const auto all = one.chosen([&](const at::Tensor& part) {
    auto shape = part.sizes().vec();
    shape[0] = kSteps;
    return part.expand(shape);
  });
  const auto cdf = at::special_ndtr(all.scores(x));
  return (cdf - x.ge(truth).to(at::kDouble)).square().sum().item<double>() * 120.0 / kSteps;
}

}  // namespace

TEST_CASE("the score of a standard normal distribution at its mean is known") {
  const auto score = Distribution::normal(numbers({0}), numbers({1})).crps(numbers({0}));
  CHECK(score.item<double>() == Approx((std::sqrt(2.0) - 1.0) / std::sqrt(M_PI)));
  // N(1, 2) at 3: one deviation above.
  const double density = std::exp(-0.5) / std::sqrt(2 * M_PI), cdf = 0.8413447460685429;
  CHECK(Distribution::normal(numbers({1}), numbers({2})).crps(numbers({3})).item<double>() ==
        Approx(2 * ((2 * cdf - 1) + 2 * density - 1 / std::sqrt(M_PI))));
}

TEST_CASE("a normal distribution by its quantiles scores, samples and answers as the normal one") {
  const auto by_quantiles = normal_by_quantiles(2, 3, {0.1, 0.25, 0.5, 0.8, 0.95});
  const auto exact = Distribution::normal(numbers({2}), numbers({3}));
  for (const double y : {-500.0, -7.0, 1.9, 2.0, 4.5, 30.0, 500.0}) {
    INFO(y);
    CHECK(by_quantiles.crps(numbers({y})).item<double>() == Approx(exact.crps(numbers({y})).item<double>()));
    CHECK(by_quantiles.scores(numbers({y})).item<double>() == Approx((y - 2) / 3));
  }
  for (const double level : {1e-6, 0.01, 0.1, 0.3, 0.5, 0.97})
    CHECK(by_quantiles.quantile(level).item<double>() == Approx(exact.quantile(level).item<double>()));
}

TEST_CASE("scores are the integrals that define them, whatever the kind") {
  for (const auto& distribution : kinds()) {
    const auto y = at::linspace(-2, 3, 10, at::kDouble);
    const auto scores = distribution.crps(y);
    for (const int64_t cell : {0, 4, 9})
      CHECK(scores[cell].item<double>() == Approx(integrated_crps(distribution, y, cell)).epsilon(2e-3));
  }
}

TEST_CASE("values and normal scores are inverse to each other, and scores ask for quantiles") {
  for (const auto& distribution : kinds()) {
    const auto z = at::linspace(-4, 4, 10, at::kDouble);
    CHECK(at::allclose(distribution.scores(distribution.at_scores(z)), z, 1e-7, 1e-7));
    const auto level = at::special_ndtr(at::full({10}, 0.8, at::kDouble));
    CHECK(at::allclose(distribution.at_scores(at::full({10}, 0.8, at::kDouble)),
                       distribution.quantile(level[0].item<double>()), 1e-7));
    CHECK(at::equal(distribution.quantile(0.5), distribution.median()));
  }
}

TEST_CASE("a distribution moves with its units") {
  const auto scale = numbers({4.0}), shift = numbers({-3.0});
  for (const auto& distribution : kinds()) {
    const auto moved = distribution.affine(scale, shift);
    CHECK(at::allclose(moved.quantile(0.15), distribution.quantile(0.15) * 4 - 3));
    CHECK(at::allclose(moved.crps(numbers({1}).expand({10})),
                       distribution.crps(numbers({1}).expand({10})) * 4));
    const auto wider = distribution.widened(at::full({10}, 2.0, at::kDouble));
    CHECK(at::allclose(wider.quantile(0.15) - wider.median(),
                       (distribution.quantile(0.15) - distribution.median()) * 2));
  }
}

TEST_CASE("training minimises likelihoods and the quantile loss as by hand") {
  const double y = 1.5;
  const auto normal = Distribution::normal(numbers({0.5}), numbers({2})).loss(numbers({y}));
  CHECK(normal.item<double>() == Approx(std::log(2) + 0.5 * std::log(2 * M_PI) + 0.5 * 0.25));
  // Two degrees of freedom: density (2 + t²)^(-3/2).
  const auto student = Distribution::student_t(numbers({0.5}), numbers({2}), numbers({2})).loss(numbers({y}));
  CHECK(student.item<double>() == Approx(std::log(2) + 1.5 * std::log(2.25)));
  const auto quantiles = Distribution::quantiles({0.1, 0.5, 0.8}, numbers({0, 1, 2}).unsqueeze(0));
  CHECK(quantiles.loss(numbers({y})).item<double>() == Approx(2 * (0.1 * 1.5 + 0.5 * 0.5 + 0.2 * 0.5) / 3));
}

TEST_CASE("a cell that was not measured counts in no score") {
  forecast::DistributionScores scores;
  const auto distribution = Distribution::normal(numbers({0, 5}), numbers({1, 1}));
  scores.add(distribution, numbers({1, NAN}), 2.0);
  CHECK(scores.count() == 1);
  CHECK(scores.crps() ==
        Approx(Distribution::normal(numbers({0}), numbers({1})).crps(numbers({1})).item<double>()));
  // By hand: 2 (1[y <= q] - level) (q - y) over 0.1 … 0.9.
  double sum = 0;
  for (const double level : forecast::DistributionScores::levels()) {
    const double q = distribution.quantile(level)[0].item<double>();
    sum += 2 * ((1 <= q ? 1 : 0) - level) * (q - 1);
  }
  CHECK(scores.wql() == Approx(sum / 9));
  CHECK(scores.sql() == Approx(sum / 9 / 2));
}

TEST_CASE("sample paths have each step's distribution and the dependence that was asked for") {
  constexpr int64_t kPaths = 20000;
  const auto location = at::linspace(0, 5, 6, at::kDouble), scale = at::linspace(1, 2, 6, at::kDouble);
  const auto distribution = Distribution::student_t(location, scale, numbers({5}));
  const auto paths = forecast::sample_paths(distribution, 0.8, /*seed=*/7, 0, kPaths);
  REQUIRE(paths.sizes() == at::IntArrayRef({kPaths, 6}));
  for (const double level : {0.05, 0.5, 0.9}) {
    const auto below = paths.le(distribution.quantile(level)).to(at::kDouble).mean(0);
    CHECK(below.sub(level).abs().max().item<double>() < 0.015);
  }
  const auto z = distribution.scores(paths[0]);
  CHECK(z.sizes() == at::IntArrayRef({6}));
  std::vector<at::Tensor> all;
  for (int64_t path = 0; path < 4000; ++path) all.push_back(distribution.scores(paths[path]));
  const auto correlation = at::corrcoef(at::stack(all, 1));
  CHECK(correlation[2][3].item<double>() == Approx(0.8).margin(0.03));
  CHECK(correlation[1][4].item<double>() == Approx(0.512).margin(0.05));
  // A path is its own, whatever is made with it.
  CHECK(at::equal(forecast::sample_paths(distribution, 0.8, 7, 11, 2), paths.narrow(0, 11, 2)));
}
