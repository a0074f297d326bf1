#include "forecast/layers/period_filter.h"
#include "kernels/sparse_context.h"
#include "kernels/sparsity_scores.h"
#include "support/flops.h"
#include "support/test.h"

using namespace arzoo;
using kernels::HeadOrder;
using test::flops_of;

// Each kernel of this program's own against a count by hand: two for each multiply-add of a product.

TEST_CASE("the sparsity measure counts the sampled scores") {
  const auto q = at::rand({2, 3, 11, 6}), k = at::rand({2, 3, 9, 6});
  const auto sample = at::randint(9, {11, 4}, at::kLong);
  CHECK(flops_of([&] { kernels::sparsity_of_sampled_scores(q, k, sample); }) == 2.0 * (2 * 3 * 11) * 4 * 6);
  CHECK(flops_of([&] { kernels::sparsity_of_all_scores(q, k, sample); }) == 2.0 * (2 * 3 * 11) * 9 * 6);
}

TEST_CASE("a sparse context counts the selected queries") {
  const auto q = at::rand({1, 2, 5, 6}), k = at::rand({1, 2, 5, 6});
  const auto top = at::tensor({0, 4, 1, 2}, at::kLong).view({1, 2, 2});
  const auto count = [&](bool causal) {
    return flops_of([&] { kernels::sparse_context(q, k, k, top, causal, HeadOrder::mixed); });
  };
  CHECK(count(false) == 2.0 * (4 * 5) * (6 + 6));  // through LibTorch's operations
  const torch::NoGradGuard no_grad;
  CHECK(count(false) == 2.0 * (4 * 5) * (6 + 6));
  CHECK(count(true) == 2.0 * (1 + 5 + 2 + 3) * (6 + 6));  // a causal query sees the keys up to its own place
}

TEST_CASE("the period filter counts a multiply-add for each tap, and as many for its gradient") {
  const auto x = at::rand({4, 20}), kernel = at::rand({7}).requires_grad_(true);
  CHECK(flops_of([&] { forecast::period_filter(x, kernel); }) == 2.0 * 4 * 20 * 7);
  CHECK(flops_of([&] { forecast::period_filter(x, kernel).sum().backward(); }) == 2 * 2.0 * 4 * 20 * 7);
  const auto windows = at::rand({2, 20, 3}), periods = at::rand({2, 5});  // 5 periods of 4 steps to 2
  const torch::NoGradGuard no_grad;
  CHECK(flops_of([&] { forecast::map_periods(windows, kernel, periods, 8); }) ==
        2.0 * (2 * 3) * (20 * 7 + 2 * 5 * 4));
}
