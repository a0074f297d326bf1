#include "nn/diagonal_gaussian.h"

#include "support/test.h"

using namespace arzoo;
using nn::DiagonalGaussian;

TEST_CASE("a diagonal Gaussian's samples have its mean and standard deviation") {
  torch::manual_seed(3);
  const auto mean = at::full({1, 2, 64, 64}, 0.5), logvar = at::full({1, 2, 64, 64}, std::log(0.25));
  const auto gaussian = DiagonalGaussian::of_moments(at::cat({mean, logvar}, 1), 1);
  const auto sample = gaussian.sample(at::randn(mean.sizes()));
  CHECK(sample.mean().item<double>() == Approx(0.5).margin(0.02));
  CHECK(sample.std().item<double>() == Approx(0.5).margin(0.02));
}

TEST_CASE("the divergence of each number is the closed form, and vanishes for the standard normal") {
  const auto gaussian = DiagonalGaussian::of_moments(
      at::cat({at::full({3, 5, 4}, 0.5), at::full({3, 5, 4}, std::log(0.25))}, 2), 2);
  const double per_number = 0.5 * (0.25 + 0.25 - 1.0 - std::log(0.25));
  CHECK(gaussian.kl().sizes() == at::IntArrayRef({3, 5, 4}));
  CHECK(at::allclose(gaussian.kl(), at::full({3, 5, 4}, per_number), 1e-5, 0));
  const auto standard = DiagonalGaussian::of_moments(at::zeros({1, 4, 3, 3}), 1);
  CHECK(standard.kl().abs().max().item<double>() == 0.0);
}

TEST_CASE("log variances are clamped, so that a standard deviation is neither 0 nor infinite") {
  const auto gaussian = DiagonalGaussian::of_moments(at::tensor({0.0F, 0.0F, -1e9F, 1e9F}).view({1, 4}), 1);
  CHECK(gaussian.stddev().min().item<double>() > 0.0);
  CHECK(gaussian.stddev().isfinite().all().item<bool>());
}
