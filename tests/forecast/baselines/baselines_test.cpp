#include "forecast/baselines/baselines.h"

#include "support/test.h"

using namespace arzoo;

TEST_CASE("the seasonal naive forecast repeats the last season") {
  const auto history = at::tensor({9.0F, 1.0F, 2.0F, 3.0F}).view({1, 4});
  CHECK(at::equal(forecast::seasonal_naive(history, 5, 3),
                  at::tensor({1.0F, 2.0F, 3.0F, 1.0F, 2.0F}).view({1, 5})));
}

TEST_CASE("the linear baseline finds a linear rule, in two parts as in one, wherever the series stands") {
  torch::manual_seed(1);
  const auto history = at::randn({200, 6}) + 40;
  // The next steps are differences of the history added to its last value.
  const auto last = history.narrow(1, 5, 1);
  const auto future = last + (history - last).matmul(at::randn({6, 2})) + 0.5;
  forecast::LinearBaseline whole(6, 2), parts(6, 2);
  whole.add(history, future);
  parts.add(history.narrow(0, 0, 50), future.narrow(0, 0, 50));
  parts.add(history.narrow(0, 50, 150), future.narrow(0, 50, 150));
  whole.solve();
  parts.solve();
  CHECK(whole.windows() == 200);
  CHECK((whole.forecast(history) - future).abs().max().item<double>() < 0.05);
  CHECK(at::allclose(whole.forecast(history), parts.forecast(history), 1e-4, 1e-4));
  CHECK(at::allclose(whole.forecast(history + 7), whole.forecast(history) + 7, 1e-4, 1e-3));
}
