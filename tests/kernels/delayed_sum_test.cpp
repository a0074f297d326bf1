#include "kernels/delayed_sum.h"

#include "kernels/delayed_rows.h"
#include "support/test.h"

using namespace arzoo;

namespace {

/// By the definition: copies rolled back by their delay, weighed and added.
at::Tensor literal_sum(const at::Tensor& values, const at::Tensor& delays, const at::Tensor& weights,
                       int64_t period, int64_t rows) {
  const auto whole = at::constant_pad_nd(values, {0, 0, 0, period - values.size(1)});
  auto out = at::zeros_like(whole);
  for (int64_t b = 0; b < whole.size(0); ++b) {
    for (int64_t i = 0; i < delays.size(1); ++i)
      out[b] += weights[b][i] * whole[b].roll(-delays[b][i].item<int64_t>(), 0);
  }
  return out.narrow(1, 0, rows);
}

struct DelayCase {
  at::Tensor values, delays, weights;
};

DelayCase delay_case(int64_t batch, int64_t there, int64_t width, int64_t count, int64_t period) {
  torch::manual_seed(period);
  return {at::randn({batch, there, width}), at::randint(period, {batch, count}, at::kLong),
          at::randn({batch, count})};
}

}  // namespace

TEST_CASE("delayed copies are weighed and added, in every shape") {
  const auto [there, period, rows, width, count] =
      GENERATE(table<int64_t, int64_t, int64_t, int64_t, int64_t>({{36, 36, 36, 64, 7},
                                                                   {55, 55, 55, 130, 3},
                                                                   {36, 55, 55, 18, 8},
                                                                   {29, 29, 11, 1, 4},
                                                                   {1, 1, 1, 5, 1},
                                                                   {20, 20, 20, 6, 0},
                                                                   {400, 400, 400, 65, 12}}));
  const auto c = delay_case(3, there, width, count, period);
  const auto expected = literal_sum(c.values, c.delays, c.weights, period, rows);
  CHECK(
      at::allclose(kernels::delayed_sum(c.values, c.delays, c.weights, period, rows), expected, 1e-5, 1e-5));
  // Other types take LibTorch's operations.
  const auto precise =
      kernels::delayed_sum(c.values.to(at::kDouble), c.delays, c.weights.to(at::kDouble), period, rows);
  CHECK(at::allclose(precise.to(at::kFloat), expected, 1e-5, 1e-5));
  const auto half = kernels::delayed_sum(c.values.to(at::kBFloat16), c.delays, c.weights, period, rows);
  CHECK(at::allclose(half.to(at::kFloat), expected, 3e-2, 3e-2));
}

TEST_CASE("values may be a slice of a wider tensor") {
  const auto c = delay_case(2, 30, 40, 5, 30);
  const auto wide = at::cat({c.values, c.values * 2, c.values * 3}, 2);
  CHECK(at::allclose(kernels::delayed_sum(wide.narrow(2, 40, 40), c.delays, c.weights, 30, 30),
                     2 * literal_sum(c.values, c.delays, c.weights, 30, 30), 1e-5, 1e-5));
}

TEST_CASE("products with delayed values are the gradient of the weights") {
  const auto [there, period, width] =
      GENERATE(table<int64_t, int64_t, int64_t>({{36, 36, 64}, {36, 55, 18}, {7, 7, 200}}));
  auto c = delay_case(3, there, width, 6, period);
  c.weights.requires_grad_();
  const auto series = at::randn({3, period, width});
  (literal_sum(c.values, c.delays, c.weights, period, period) * series).sum().backward();
  const auto ours = kernels::delayed_products(series, c.values, c.delays, period);
  CHECK(at::allclose(ours, c.weights.grad(), 1e-4, 1e-4));
  CHECK(at::allclose(
      kernels::delayed_products(series.to(at::kDouble), c.values.to(at::kDouble), c.delays, period)
          .to(at::kFloat),
      ours, 1e-4, 1e-4));
}

TEST_CASE("what one thread of a device computes is the loop's, number by number") {
  const auto [there, period, rows, width] = GENERATE(
      table<int64_t, int64_t, int64_t, int64_t>({{36, 36, 36, 5}, {20, 31, 31, 7}, {29, 29, 11, 3}}));
  const auto c = delay_case(2, there, width, 4, period);
  const auto summed = kernels::delayed_sum(c.values, c.delays, c.weights, period, rows);
  const auto series = at::randn({2, period, width});
  const auto products = kernels::delayed_products(series, c.values, c.delays, period);
  const auto rows_of = [columns = c.values.size(2)](const at::Tensor& x, int64_t b) {
    return kernels::SeriesRows<float>{x[b].const_data_ptr<float>(), columns, x.size(1)};
  };
  for (int64_t b = 0; b < 2; ++b) {
    const auto* delays = c.delays[b].const_data_ptr<int64_t>();
    const auto* weights = c.weights[b].const_data_ptr<float>();
    for (int64_t t = 0; t < rows; ++t) {
      for (int64_t w = 0; w < width; ++w)
        CHECK(kernels::delayed_sum_at(rows_of(c.values, b), delays, weights, 4, period, t, w) ==
              Approx(summed[b][t][w].item<double>()).margin(1e-5));
    }
    for (int64_t i = 0; i < 4; ++i) {
      float sum = 0.0F;
      for (int64_t thread = 0; thread < 8; ++thread)
        sum += kernels::delayed_product_of(rows_of(series, b), rows_of(c.values, b), delays[i], period, width,
                                           thread, 8);
      CHECK(sum == Approx(products[b][i].item<double>()).margin(1e-4));
    }
  }
}
