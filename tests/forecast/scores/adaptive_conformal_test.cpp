#include "forecast/scores/adaptive_conformal.h"

#include "support/test.h"

using namespace arzoo;
using forecast::AdaptiveLevels;
using forecast::ForecastInterval;

namespace {

ForecastInterval interval(double level, double half) {
  return {level, at::full({2}, -half, at::kDouble), at::full({2}, half, at::kDouble)};
}

}  // namespace

TEST_CASE("a series' level moves by the rate times what it missed, and no other series' does") {
  AdaptiveLevels levels({80, 95});
  levels.update("a", 0, 0.5);
  CHECK(levels.level("a", 0) == Approx(80 + AdaptiveLevels::kRate * 30));
  CHECK(levels.level("a", 1) == 95);
  CHECK(levels.level("b", 0) == 80);
  levels.update("a", 0, 1.0);
  CHECK(levels.level("a", 0) == Approx(80 + AdaptiveLevels::kRate * 10));
  for (int window = 0; window < 100; ++window) levels.update("a", 1, 0.0);
  CHECK(levels.level("a", 1) == 100);
}

TEST_CASE("an adapted interval lies between those of the grid") {
  const std::vector<ForecastInterval> grid{interval(50, 1), interval(90, 3)};
  const auto mean = at::zeros({2}, at::kDouble);
  const auto [level, half] =
      GENERATE(table<double, double>({{50, 1}, {70, 2}, {90, 3}, {99, 3}, {25, 0.5}, {0, 0}}));
  const auto adapted = forecast::interval_between(grid, mean, 80, level);
  CHECK(adapted.level == 80);
  CHECK(adapted.high[0].item<double>() == Approx(half));
  CHECK(adapted.low[1].item<double>() == Approx(-half));
}

TEST_CASE("coverage comes to its level over many windows whatever the intervals' errors") {
  // Intervals of a model that thinks its errors half as large as they are.
  torch::manual_seed(2);
  AdaptiveLevels levels({80});
  double covered = 0;
  constexpr int kWindows = 400, kCells = 24;
  for (int window = 0; window < kWindows; ++window) {
    const double level = std::min(levels.level("a", 0), 99.9);
    const double half = at::special_ndtri(at::scalar_tensor(0.5 + level / 200, at::kDouble)).item<double>();
    const double share = (at::randn({kCells}) * 2).abs().le(half).to(at::kDouble).mean().item<double>();
    levels.update("a", 0, share);
    covered += share / kWindows;
  }
  CHECK(covered == Approx(0.8).margin(0.03));
}
