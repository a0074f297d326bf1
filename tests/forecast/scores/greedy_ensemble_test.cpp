#include "forecast/scores/greedy_ensemble.h"

#include <numeric>

#include "support/test.h"

using namespace arzoo;
using forecast::greedy_ensemble;

TEST_CASE("models whose errors cancel share the weight, a bad one gets none") {
  torch::manual_seed(1);
  const auto truth = at::randn({4, 24}, at::kDouble), noise = at::randn({4, 24}, at::kDouble);
  const auto weights = greedy_ensemble({truth + noise, truth - noise, truth + 9.0}, truth, at::ones({4, 1}));
  CHECK(weights[0] == Approx(0.5));
  CHECK(weights[1] == Approx(0.5));
  CHECK(weights[2] == 0.0);
}

TEST_CASE("an ensemble is never worse than its best model on what it was fitted to") {
  torch::manual_seed(2);
  for (int trial = 0; trial < 20; ++trial) {
    auto truth = at::randn({3, 12}, at::kDouble);
    std::vector<at::Tensor> forecasts;
    for (int i = 0; i < 4; ++i) forecasts.push_back(truth + (0.2 + i) * at::randn({3, 12}, at::kDouble));
    truth[0][3] = NAN;
    const auto weights = greedy_ensemble(forecasts, truth, at::ones({3, 1}));
    CHECK(std::accumulate(weights.begin(), weights.end(), 0.0) == Approx(1.0));
    auto mixed = at::zeros_like(truth);
    double best = 1e9;
    for (std::size_t i = 0; i < 4; ++i) {
      mixed += weights[i] * forecasts[i];
      best = std::min(best, (forecasts[i] - truth).abs().nanmean().item<double>());
    }
    CHECK((mixed - truth).abs().nanmean().item<double>() <= best + 1e-12);
  }
}

TEST_CASE("a model without a forecast for each step is left out") {
  const auto truth = at::ones({1, 3}, at::kDouble);
  auto broken = truth.clone();
  broken[0][1] = NAN;
  const auto weights = greedy_ensemble({broken, truth + 5.0}, truth, at::ones({1, 1}));
  CHECK(weights == std::vector<double>{0.0, 1.0});
}
