#include "forecast/models/mixlinear.h"

#include "forecast/layers/period_filter.h"
#include "runtime/named_tensors.h"
#include "runtime/parameter_count.h"
#include "support/forecasters.h"
#include "support/test.h"

using namespace arzoo;
using forecast::ForecastBatch;
using forecast::Forecaster;
using forecast::SeriesShape;
using test::forecast_of;

namespace {

SeriesShape shape_of(int64_t seq_len, int64_t pred_len, int64_t variates = 3) {
  return {.seq_len = seq_len,
          .label_len = 0,
          .pred_len = pred_len,
          .enc_in = variates,
          .c_out = variates,
          .marks = 0};
}

std::shared_ptr<Forecaster> mixlinear(const SeriesShape& shape, const Json& changes = Json::object()) {
  Json section = Json::parse(R"({"name": "mixlinear", "period_len": 6, "lpf": 2, "alpha": 0.6})");
  section.merge_patch(changes);
  return test::tiny_model(section, shape, 0.3);
}

at::Tensor forecast_under_autograd(Forecaster& model, const at::Tensor& x) {
  ForecastBatch batch;
  batch.x_enc = x;
  return model.forecast(batch).detach();
}

}  // namespace

TEST_CASE("the parameters are as few as the paper says") {
  const auto [pred_len, lpf, parameters] =
      GENERATE(table<int64_t, int64_t, int64_t>({{96, 1, 59}, {192, 5, 87}, {336, 2, 105}, {720, 19, 195}}));
  const auto model = mixlinear(shape_of(720, pred_len, 7), {{"period_len", 24}, {"lpf", lpf}});
  CHECK(runtime::count_parameters(*model).all == parameters);
}

TEST_CASE("inference in one pass agrees with the sum of both branches") {
  // Whole and broken last periods, one period, an odd period, as many frequencies as there are.
  const auto [seq_len, pred_len, period, lpf] = GENERATE(table<int64_t, int64_t, int64_t, int64_t>(
      {{36, 12, 6, 2}, {36, 13, 6, 6}, {36, 1, 6, 1}, {6, 20, 6, 1}, {35, 11, 5, 3}, {8, 9, 1, 8}}));
  const auto model = mixlinear(shape_of(seq_len, pred_len), {{"period_len", period}, {"lpf", lpf}});
  const auto x = at::randn({4, seq_len, 3}) * 2 + 30;
  const auto once = forecast_of(*model, x);
  CHECK(once.sizes() == at::IntArrayRef({4, pred_len, 3}));
  CHECK(at::allclose(forecast_under_autograd(*model, x), once, 1e-5, 1e-4));
}

TEST_CASE("the forecast is linear in the window but for its level, which it keeps") {
  const auto model = mixlinear(shape_of(36, 12));
  const auto x = at::randn({2, 36, 3}), y = at::randn({2, 36, 3});
  CHECK(at::allclose(forecast_of(*model, x * 2 + y - 5),
                     forecast_of(*model, x) * 2 + forecast_of(*model, y) - 5, 1e-4, 1e-4));
  CHECK(at::allclose(forecast_of(*model, at::full({1, 36, 3}, 42.0)), at::full({1, 12, 3}, 42.0)));
}

TEST_CASE("variates do not see one another") {
  const auto model = mixlinear(shape_of(36, 12));
  auto x = at::randn({2, 36, 3});
  const auto before = forecast_of(*model, x);
  x.select(2, 1).add_(at::randn({2, 36}));
  const auto after = forecast_of(*model, x);
  CHECK(at::equal(after.select(2, 0), before.select(2, 0)));
  CHECK_FALSE(at::equal(after.select(2, 1), before.select(2, 1)));
}

TEST_CASE("alpha decides between the branches") {
  const auto x = at::randn({2, 36, 3});
  const auto at_alpha = [&](double alpha) {
    return forecast_of(*mixlinear(shape_of(36, 12), {{"alpha", alpha}}), x);
  };
  CHECK(at::allclose(at_alpha(0.25), at_alpha(1.0) * 0.25 + at_alpha(0.0) * 0.75, 1e-4, 1e-5));
}

TEST_CASE("changed weights change the forecast of the one pass as well") {
  const auto model = mixlinear(shape_of(36, 12));
  const auto x = at::randn({2, 36, 3});
  const auto before = forecast_of(*model, x);
  {
    torch::NoGradGuard no_grad;
    for (auto& parameter : model->parameters()) parameter.mul_(1.5);
  }
  CHECK_FALSE(at::allclose(forecast_of(*model, x), before, 1e-3, 1e-3));
  CHECK(at::allclose(forecast_under_autograd(*model, x), forecast_of(*model, x), 1e-5, 1e-4));
}

TEST_CASE("complex weights load as pairs and as complex numbers") {
  const auto source = mixlinear(shape_of(36, 12)), target = mixlinear(shape_of(36, 12));
  runtime::NamedTensors pairs, complex;
  for (const auto& [name, tensor] : runtime::state_dict(*source)) {
    const bool frequency = name.starts_with("FLinear");
    CHECK((!frequency || tensor.size(-1) == 2));
    pairs.add(name, tensor * 2);
    complex.add(name, frequency ? at::view_as_complex(tensor * 2) : tensor * 2);
  }
  const auto expected = [&](const runtime::NamedTensors& tensors) {
    runtime::load_strictly(*target, tensors, "test");
    return runtime::state_dict(*target).at("FLinear1.weight").clone();
  };
  const auto doubled = runtime::state_dict(*source).at("FLinear1.weight") * 2;
  CHECK(at::equal(expected(pairs), doubled));
  CHECK(at::equal(expected(complex), doubled));
}

TEST_CASE("the period filter is a convolution with zeros beyond the ends, and so is its gradient") {
  const auto taps = GENERATE(int64_t{1}, int64_t{3}, int64_t{25}, int64_t{41});
  const auto x = at::randn({5, 37});
  const auto kernel = torch::randn({taps}, at::requires_grad()),
             same = kernel.detach().clone().requires_grad_();
  const auto filtered = forecast::period_filter(x, kernel);
  const auto expected = x + at::conv1d(x.unsqueeze(1), same.view({1, 1, -1}), {}, 1, taps / 2).squeeze(1);
  CHECK(at::allclose(filtered, expected, 1e-4, 1e-5));
  filtered.square().sum().backward();
  expected.square().sum().backward();
  CHECK(at::allclose(kernel.grad(), same.grad(), 1e-4, 1e-3));
}

TEST_CASE("a window that does not hold whole periods, or too few of them, is refused") {
  CHECK_THROWS_WITH(mixlinear(shape_of(37, 12)),
                    ContainsSubstring("seq_len (37) must be a multiple of period_len (6)"));
  CHECK_THROWS_WITH(mixlinear(shape_of(36, 12), {{"lpf", 7}}), ContainsSubstring("lpf (7) must not exceed"));
  CHECK_THROWS_AS(mixlinear(shape_of(36, 12), {{"alpha", 1.5}}), ConfigError);
}
