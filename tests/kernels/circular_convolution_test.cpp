#include "kernels/circular_convolution.h"

#include "support/test.h"

using namespace arzoo;

namespace {

/// LibTorch's convolution over a series whose ends were joined by hand.
at::Tensor literal_convolution(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                               int64_t padding) {
  const auto joined = at::pad(x.transpose(1, 2), {padding, padding}, "circular");
  return at::conv1d(joined, weight, bias).transpose(1, 2);
}

}  // namespace

TEST_CASE("a circular convolution equals LibTorch's, wider or narrower, with every padding and length") {
  const auto [length, in, out, padding] = GENERATE(table<int64_t, int64_t, int64_t, int64_t>(
      {{10, 3, 8, 1}, {7, 8, 3, 1}, {9, 4, 4, 2}, {9, 8, 3, 2}, {2, 3, 5, 1}, {1, 2, 4, 1}}));
  torch::manual_seed(1);
  auto x = at::randn({2, length, in}).requires_grad_(), weight = at::randn({out, in, 3}).requires_grad_(),
       bias = at::randn({out}).requires_grad_();
  const auto ours = kernels::circular_convolution(x, weight, bias, padding);
  const auto theirs = literal_convolution(x, weight, bias, padding);
  REQUIRE(ours.sizes() == theirs.sizes());
  CHECK(at::allclose(ours, theirs, 1e-5, 1e-5));
  const auto direction = at::randn(ours.sizes());
  const auto gradients = torch::autograd::grad({(ours * direction).sum()}, {x, weight, bias}),
             expected = torch::autograd::grad({(theirs * direction).sum()}, {x, weight, bias});
  for (std::size_t i = 0; i < 3; ++i) CHECK(at::allclose(gradients[i], expected[i], 1e-4, 1e-4));
  const c10::InferenceMode inference;
  CHECK(at::allclose(kernels::circular_convolution(x, weight, bias, padding), theirs, 1e-5, 1e-5));
}

TEST_CASE("a circular convolution needs no bias") {
  const auto x = at::randn({1, 5, 2}), weight = at::randn({4, 2, 3});
  CHECK(at::allclose(kernels::circular_convolution(x, weight, {}), literal_convolution(x, weight, {}, 1),
                     1e-5, 1e-5));
}
