#include "kernels/dropout.h"

#include "support/test.h"

using namespace arzoo;

TEST_CASE("dropout keeps the mean, drops its share and scales the rest") {
  const double p = GENERATE(0.05, 0.1, 0.5);
  torch::manual_seed(3);
  const auto out = kernels::dropout(at::ones({1000, 1000}), p, true);
  const double dropped = (out == 0).to(at::kDouble).mean().item<double>();
  // Five standard deviations of a binomial share over 10^6 samples.
  CHECK(std::abs(dropped - p) < 5 * std::sqrt(p * (1 - p) / 1e6));
  CHECK(out.max().item<double>() == Approx(1 / (1 - p)));
}

TEST_CASE("neighbouring rows and neighbouring keys are independent") {
  torch::manual_seed(4);
  const auto first = kernels::dropout(at::ones({1 << 18}), 0.5, true).sub(1),
             second = kernels::dropout(at::ones({1 << 18}), 0.5, true).sub(1);
  const double deviations = 5.0 / std::sqrt(double(1 << 18));
  CHECK(std::abs((first * second).mean().item<double>()) < deviations);
  for (const int64_t lag : {1, 2, 16, 64, 1024}) {
    CHECK(std::abs((first * first.roll(lag)).mean().item<double>()) < deviations);
  }
}

TEST_CASE("the gradient passes where the value passed") {
  auto x = at::rand({64, 33}).requires_grad_();
  const auto out = kernels::dropout(x, 0.3, true);
  out.sum().backward();
  CHECK(at::equal(x.grad() * x, out));
}

TEST_CASE("a residual dropout adds the dropped branch and hands each branch its gradient") {
  auto x = at::rand({50, 20}).requires_grad_(), y = at::rand({50, 20}).add(1).requires_grad_();
  const auto out = kernels::residual_dropout(x, y, 0.4, true);
  out.sum().backward();
  CHECK(at::equal(x.grad(), at::ones_like(x)));
  CHECK(at::allclose(out, x + y * y.grad()));
  CHECK((y.grad() == 0).any().item<bool>());
}

TEST_CASE("the mask depends on the seed, not on the number of threads") {
  const int threads = at::get_num_threads();
  const auto sample = [](int count) {
    at::set_num_threads(count);
    torch::manual_seed(11);
    return kernels::dropout(at::ones({300000}), 0.2, true);
  };
  const auto one = sample(1), two = sample(2);
  at::set_num_threads(threads);
  CHECK(at::equal(one, two));
  torch::manual_seed(12);
  CHECK_FALSE(at::equal(one, kernels::dropout(at::ones({300000}), 0.2, true)));
}

TEST_CASE("nothing is dropped in evaluation") {
  const auto x = at::rand({5, 5});
  CHECK(kernels::dropout(x, 0.5, false).is_same(x));
  CHECK(at::equal(kernels::residual_dropout(x, x, 0.5, false), x + x));
}
