#include "forecast/conformal.h"

#include <cmath>

#include "support/test.h"

using namespace arzoo;
using forecast::ConformalScores;

namespace {

/// n windows of one step and one variate whose residuals are 1, 2, …, n, shuffled.
ConformalScores scores_of(int64_t n) {
  torch::manual_seed(1);
  return ConformalScores::fit((at::randperm(n) + 1).to(at::kFloat).view({n, 1, 1}));
}

double half_width(const ConformalScores& scores, double level) {
  return scores.half_width(level, 1).item<double>();
}

}  // namespace

TEST_CASE("the half-width is the ceil((n + 1) p)-th smallest residual") {
  const auto n = GENERATE(int64_t{9}, int64_t{19}, int64_t{99}, int64_t{200}, int64_t{256});
  const auto scores = scores_of(n);
  for (int64_t level = 1; level < 100; ++level) {
    const int64_t rank = (level * (n + 1) + 99) / 100;
    INFO(n << " windows, level " << level);
    CHECK(half_width(scores, double(level)) == double(std::min(rank, n)));
  }
}

TEST_CASE("with many windows a kept rank is at least the exact one and hardly more") {
  const auto n = GENERATE(int64_t{257}, int64_t{1000}, int64_t{5000});
  const auto scores = scores_of(n);
  CHECK(scores.ranks().size(0) == ConformalScores::kRanks);
  const double step = std::ceil(double(n + 1) / double(ConformalScores::kRanks + 1)) + 1;
  for (double level = 0.5; level < 99.6; level += 0.5) {
    const double exact = std::min(std::ceil(level / 100 * double(n + 1) - 1e-9), double(n));
    INFO(n << " windows, level " << level);
    CHECK(half_width(scores, level) >= exact);
    CHECK(half_width(scores, level) <= exact + step);
  }
}

TEST_CASE("intervals of exchangeable data cover at least their level, and not much more") {
  const auto [n, level] =
      GENERATE(table<int64_t, double>({{20, 80}, {50, 90}, {99, 50}, {400, 95}, {1000, 80}}));
  torch::manual_seed(2);
  // Each variate is a trial of its own: n calibration windows and one new one, heavy tails included.
  constexpr int64_t kTrials = 20000;
  const auto residuals = at::randn({n + 1, 1, kTrials}).pow(3);
  const auto scores = ConformalScores::fit(residuals.narrow(0, 0, n));
  const auto covered =
      residuals[n].abs().le(scores.half_width(level, 1)).to(at::kFloat).mean().item<double>();
  const double noise = 4 * std::sqrt(0.25 / kTrials);
  INFO(n << " windows, level " << level);
  CHECK(covered >= level / 100 - noise);
  CHECK(covered <= level / 100 + 1.0 / double(n + 1) + 1.0 / 257 + noise);
}

TEST_CASE("the half-width grows with the level, for each step and variate on its own") {
  torch::manual_seed(3);
  const auto scores = ConformalScores::fit(at::randn({300, 4, 3}) * at::arange(1, 4));
  auto before = at::zeros({4, 3});
  for (double level = 1; level < 100; level += 1.5) {
    const auto width = scores.half_width(level, 4);
    REQUIRE(width.sizes() == at::IntArrayRef({4, 3}));
    CHECK(width.ge(before).all().item<bool>());
    before = width;
  }
  CHECK(before.select(1, 2).gt(before.select(1, 0)).all().item<bool>());
}

TEST_CASE("the sign of a residual does not matter") {
  const auto residuals = at::randn({30, 2, 2});
  CHECK(at::equal(ConformalScores::fit(residuals).ranks(), ConformalScores::fit(-residuals).ranks()));
}

TEST_CASE("a shorter horizon takes the first steps, a longer one widens as the root of the lead time") {
  const auto scores = ConformalScores::fit(at::rand({50, 4, 2}) + 0.5);
  const auto measured = scores.half_width(80, 4);
  CHECK(at::equal(scores.half_width(80, 2), measured.narrow(0, 0, 2)));
  const auto longer = scores.half_width(80, 16);
  REQUIRE(longer.sizes() == at::IntArrayRef({16, 2}));
  CHECK(at::equal(longer.narrow(0, 0, 4), measured));
  CHECK(at::allclose(longer[15], measured[3] * 2.0));  // four times the measured lead time
}

TEST_CASE("without windows there are no scores") {
  CHECK(ConformalScores().empty());
  CHECK(ConformalScores::fit(at::zeros({0, 4, 2})).empty());
  CHECK_FALSE(scores_of(1).empty());
}
