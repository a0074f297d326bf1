#include "forecast/layers/series_decomposition.h"

#include "support/test.h"

using namespace arzoo;
using forecast::Decomposition;

namespace {

/// The paper's formula in LibTorch's operations: a moving mean of a series whose ends are repeated.
Decomposition literal_decomposition(const at::Tensor& x, int64_t moving_avg) {
  const int64_t half = moving_avg / 2, length = x.size(1);
  const auto padded = at::cat(
      {x.narrow(1, 0, 1).repeat({1, half, 1}), x, x.narrow(1, length - 1, 1).repeat({1, half, 1})}, 1);
  const auto trend = at::avg_pool1d(padded.transpose(1, 2), {moving_avg}, {1}).transpose(1, 2);
  return {x - trend, trend};
}

void check_close(const Decomposition& ours, const Decomposition& theirs) {
  CHECK(at::allclose(ours.seasonal, theirs.seasonal, 1e-5, 1e-5));
  CHECK(at::allclose(ours.trend, theirs.trend, 1e-5, 1e-5));
}

}  // namespace

TEST_CASE("the decomposition equals its formula at every length, window and width") {
  const auto [length, moving_avg, width] = GENERATE(table<int64_t, int64_t, int64_t>(
      {{36, 7, 5}, {96, 25, 130}, {1, 25, 3}, {5, 25, 64}, {24, 1, 65}, {720, 25, 7}, {13, 13, 1}}));
  torch::manual_seed(1);
  const auto x = at::randn({3, length, width}).add(2.0);
  check_close(forecast::decompose(x, moving_avg), literal_decomposition(x, moving_avg));
  const c10::InferenceMode inference;
  check_close(forecast::decompose(x, moving_avg), literal_decomposition(x, moving_avg));
}

TEST_CASE("its gradients are those of the formula, whichever part is used") {
  const auto [length, moving_avg] =
      GENERATE(table<int64_t, int64_t>({{36, 7}, {1, 5}, {4, 25}, {50, 25}, {9, 1}}));
  const int used = GENERATE(0, 1, 2);  // the seasonal part, the trend, both
  torch::manual_seed(2);
  auto x = at::randn({2, length, 70}).requires_grad_(), y = at::randn({2, length, 70}).requires_grad_();
  const auto a = at::randn(x.sizes()), b = at::randn(x.sizes());
  const auto loss = [&](const Decomposition& parts) {
    auto sum = at::zeros({});
    if (used != 1) sum = sum + (parts.seasonal * a).sum();
    if (used != 0) sum = sum + (parts.trend * b).sum();
    return sum;
  };
  const auto ours =
      torch::autograd::grad({loss(forecast::residual_decompose(x, y, moving_avg, 0.0, true))}, {x, y});
  const auto theirs = torch::autograd::grad({loss(literal_decomposition(x + y, moving_avg))}, {x, y});
  for (std::size_t i = 0; i < 2; ++i) CHECK(at::allclose(ours[i], theirs[i], 1e-5, 1e-5));
}

TEST_CASE("the branch is dropped by the mask of dropout, and its gradient by the same one") {
  torch::manual_seed(3);
  auto x = at::zeros({2, 20, 70}).requires_grad_(), y = at::rand({2, 20, 70}).add(1).requires_grad_();
  const auto parts = forecast::residual_decompose(x, y, 5, 0.3, true);
  const auto sum = parts.seasonal + parts.trend;  // x + dropout(y)
  const auto kept = sum.detach().abs().gt(1e-3);
  CHECK(kept.to(at::kDouble).mean().item<double>() == Approx(0.7).margin(0.03));
  CHECK(at::allclose(sum, kept * y / 0.7, 1e-5, 1e-5));
  const auto gradients = torch::autograd::grad({sum.sum()}, {x, y});
  CHECK(at::allclose(gradients[0], at::ones_like(x), 1e-5, 1e-5));
  CHECK(at::allclose(gradients[1], kept / 0.7, 1e-5, 1e-5));
  const auto alone = forecast::residual_seasonal(x, y, 5, 0.3, false);
  CHECK(at::allclose(alone, literal_decomposition(x + y, 5).seasonal, 1e-5, 1e-5));
}

TEST_CASE("a level far from zero costs no digit of the seasonal part") {
  torch::manual_seed(4);
  const auto x = at::randn({1, 500, 2}, at::kDouble);
  const auto shifted = (x + 1000.0).to(at::kFloat);
  const auto expected = literal_decomposition(shifted.to(at::kDouble), 25).seasonal;
  CHECK((forecast::decompose(shifted, 25).seasonal.to(at::kDouble) - expected).abs().max().item<double>() <
        2e-4);
}

TEST_CASE("bf16 series are averaged in fp32, and other types fall back to the formula") {
  torch::manual_seed(5);
  const auto x = at::randn({2, 40, 70});
  const auto half = forecast::decompose(x.to(at::kBFloat16), 7);
  CHECK(half.trend.scalar_type() == at::kBFloat16);
  CHECK(at::allclose(half.trend.to(at::kFloat), literal_decomposition(x, 7).trend, 1e-2, 1e-2));
  const auto precise = x.to(at::kDouble);
  check_close(forecast::decompose(precise, 7), literal_decomposition(precise, 7));
}
