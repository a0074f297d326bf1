#include "runtime/metrics.h"

#include <cmath>

#include "support/test.h"

using namespace arzoo;
using runtime::ErrorSums;
using runtime::seasonal_naive_error;

namespace {

at::Tensor column(const std::vector<double>& values) { return at::tensor(values, at::kDouble).unsqueeze(1); }

}  // namespace

TEST_CASE("errors of a few numbers are what one computes by hand") {
  ErrorSums errors;
  errors.add(column({1, 2, -3, 0}), column({2, 2, 1, 0}));
  CHECK(errors.count() == 4);
  CHECK(errors.mse() == Approx((1 + 0 + 16 + 0) / 4.0));
  CHECK(errors.mae() == Approx((1 + 0 + 4 + 0) / 4.0));
  // 200 |f - y| / (|f| + |y|): 200 / 3, 0, 200, and 0 where both are 0.
  CHECK(errors.smape() == Approx((200.0 / 3 + 0 + 200 + 0) / 4));
}

TEST_CASE("the errors do not depend on how the windows are divided into batches") {
  const auto batch = GENERATE(1, 3, 7, 32, 100);
  torch::manual_seed(1);
  const auto forecast = at::randn({50, 4, 3}) * 100, truth = at::randn({50, 4, 3}) * 100;
  ErrorSums whole, parts;
  whole.add(forecast, truth);
  for (int64_t first = 0; first < 50; first += batch) {
    const auto size = std::min<int64_t>(batch, 50 - first);
    parts.add(forecast.narrow(0, first, size), truth.narrow(0, first, size));
  }
  CHECK(parts.count() == whole.count());
  CHECK(parts.mse() == Approx(whole.mse()).epsilon(1e-12));
  CHECK(parts.mae() == Approx(whole.mae()).epsilon(1e-12));
  CHECK(parts.smape() == Approx(whole.smape()).epsilon(1e-12));
}

TEST_CASE("sums are kept in double") {
  ErrorSums errors;
  errors.add(at::full({1 << 16}, 1e4f), at::zeros({1 << 16}));
  for (int i = 0; i < 100; ++i) errors.add(at::full({1}, 0.5f), at::zeros({1}));
  CHECK(errors.mse() * double(errors.count()) == Approx(65536e8 + 25).epsilon(1e-15));
}

TEST_CASE("the seasonal naive error is the mean distance of values a season apart, per column") {
  const auto history = at::cat({column({1, 5, 2, 9}), column({0, 1, 0, 1})}, 1);
  const auto [season, first, second] = GENERATE(
      table<int64_t, double, double>({{1, (4 + 3 + 7) / 3.0, 1.0}, {2, (1 + 4) / 2.0, NAN}, {3, 8.0, 1.0}}));
  const auto error = seasonal_naive_error(history, season);
  REQUIRE(error.sizes() == at::IntArrayRef({2}));
  CHECK(error[0].item<double>() == Approx(first));
  if (std::isnan(second)) {
    CHECK(std::isnan(error[1].item<double>()));
  } else {
    CHECK(error[1].item<double>() == Approx(second));
  }
}

TEST_CASE("only pairs of two measured values count") {
  CHECK(seasonal_naive_error(column({1, NAN, 2, 9, 5}), 2).item<double>() == Approx((1 + 3) / 2.0));
}

TEST_CASE("what repeats itself but for rounding has no naive error, nor what is shorter than a season") {
  std::vector<double> sine;
  for (int t = 0; t < 2400; ++t) sine.push_back(1e4 + std::sin(2 * M_PI * t / 24));
  CHECK(std::isnan(seasonal_naive_error(column(sine), 24).item<double>()));
  CHECK(seasonal_naive_error(column(sine), 1).item<double>() > 0.1);
  CHECK(std::isnan(seasonal_naive_error(column({3, 3, 3, 3}), 1).item<double>()));
  CHECK(std::isnan(seasonal_naive_error(column({0, 0, 0}), 1).item<double>()));
  CHECK(std::isnan(seasonal_naive_error(column({1, 5, 2}), 3).item<double>()));
  // A small error that is one.
  CHECK(seasonal_naive_error(column({1e6, 1e6 + 0.01, 1e6}), 1).item<double>() == Approx(0.01).epsilon(1e-6));
}

TEST_CASE("elements that do not count are left out of every error, NaN or not") {
  ErrorSums errors, alone;
  errors.add(column({1, 2, 7}), column({2, NAN, 5}), at::tensor({1, 0, 1}).to(at::kBool).unsqueeze(1));
  alone.add(column({1, 7}), column({2, 5}));
  CHECK(errors.count() == 2);
  CHECK(errors.mse() == alone.mse());
  CHECK(errors.mae() == alone.mae());
  CHECK(errors.smape() == alone.smape());
}

TEST_CASE("the scale of RMSSE is the mean squared difference, where MASE has one too") {
  CHECK(runtime::seasonal_naive_square(column({1, 5, 2, 9}), 1).item<double>() ==
        Approx((16 + 9 + 49) / 3.0));
  CHECK(std::isnan(runtime::seasonal_naive_square(column({3, 3, 3}), 1).item<double>()));
  CHECK(std::isnan(runtime::seasonal_naive_square(column({1, 5}), 2).item<double>()));
}

TEST_CASE("the quantile loss weighs a miss by its side") {
  const auto loss = [](double quantile, double truth) {
    return runtime::quantile_loss(column({quantile}), column({truth}), 0.9).item<double>();
  };
  CHECK(loss(1, 3) == Approx(2 * 0.9 * 2));  // too low
  CHECK(loss(3, 1) == Approx(2 * 0.1 * 2));  // too high
  CHECK(loss(1, 1) == 0);
}
