#include "forecast/baselines/baseline_models.h"

#include <cmath>

#include "core/error.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::test;
using forecast::ZeroShotRequest;
using forecast::ZeroShotSeries;

namespace {

ZeroShotSeries series_of(const at::Tensor& values, int64_t season) {
  ZeroShotSeries series;
  series.unique_id = "a";
  series.targets = values.to(at::kFloat).view({1, -1});
  series.season = season;
  return series;
}

at::Tensor seasonal_values(int64_t steps) {
  const auto t = at::arange(steps, at::kDouble);
  return 40 + 0.2 * t + 6 * at::sin(t * (2 * M_PI / 12));
}

}  // namespace

TEST_CASE("every baseline forecasts, with quantiles in order, and alike on one thread") {
  torch::manual_seed(3);
  std::vector<ZeroShotSeries> several;
  for (int i = 0; i < 5; ++i) several.push_back(series_of(seasonal_values(90 + i) + at::randn({90 + i}), 12));
  const ZeroShotRequest request{.horizon = 14, .levels = {0.1, 0.5, 0.9}};
  for (const auto& card : forecast::kBaselineCards) {
    INFO(card.name);
    const auto model = forecast::make_baseline(card.name);
    REQUIRE(model);
    const auto found = model->forecast_series(several, request);
    REQUIRE(found.size() == 5);
    for (const auto& one : found) {
      CHECK(one.point.sizes() == at::IntArrayRef({1, 14}));
      CHECK(one.quantiles.sizes() == at::IntArrayRef({1, 3, 14}));
      CHECK(one.quantiles.isfinite().all().item<bool>());
      CHECK((one.quantiles.diff(1, 1) >= 0).all().item<bool>());
      CHECK(at::allclose(one.quantiles.select(1, 1), one.point));
    }
    const auto threads = at::get_num_threads();
    at::set_num_threads(1);
    const auto alone = model->forecast_series(several, request);
    at::set_num_threads(threads);
    for (std::size_t i = 0; i < alone.size(); ++i) CHECK(at::equal(alone[i].quantiles, found[i].quantiles));
  }
  CHECK(forecast::make_baseline("nothing") == nullptr);
}

TEST_CASE("a seasonal line is continued by all that know seasons") {
  const auto truth = seasonal_values(132).narrow(0, 120, 12).to(at::kFloat);
  const std::vector<ZeroShotSeries> one{series_of(seasonal_values(120), 12)};
  for (const char* name : {"theta", "ets", "linear"}) {
    INFO(name);
    const auto found = forecast::make_baseline(name)->forecast_series(one, {.horizon = 12, .levels = {}});
    CHECK((found[0].point[0] - truth).abs().max().item<double>() < 2.0);
  }
  const auto naive =
      forecast::make_baseline("seasonal_naive")->forecast_series(one, {.horizon = 12, .levels = {}});
  CHECK(at::allclose(naive[0].point[0], seasonal_values(120).narrow(0, 108, 12).to(at::kFloat)));
  const auto drift = forecast::make_baseline("drift")->forecast_series(
      std::vector{series_of(at::tensor({1.0, 5.0, 3.0}), 1)}, {.horizon = 2, .levels = {0.5}});
  CHECK(at::allclose(drift[0].point[0], at::tensor({4.0F, 5.0F})));
}

TEST_CASE("gaps are bridged, and a series of one value is repeated") {
  const auto gaps = at::tensor({NAN, 1.0, NAN, 3.0, 4.0});
  const auto found = forecast::make_baseline("drift")->forecast_series(std::vector{series_of(gaps, 1)},
                                                                       {.horizon = 1, .levels = {}});
  CHECK(found[0].point.item<double>() == Approx(5.0));
  for (const auto& card : forecast::kBaselineCards) {
    if (card.name == "linear") continue;
    const auto one = forecast::make_baseline(card.name)->forecast_series(
        std::vector{series_of(at::tensor({2.5}), 24)}, {.horizon = 3, .levels = {0.05, 0.95}});
    INFO(card.name);
    CHECK((one[0].quantiles == 2.5).all().item<bool>());
  }
  CHECK_THROWS_AS(forecast::make_baseline("linear")->forecast_series(
                      std::vector{series_of(at::tensor({2.5}), 24)}, {.horizon = 3, .levels = {}}),
                  DataError);
}
