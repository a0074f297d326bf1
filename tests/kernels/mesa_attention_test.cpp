#include "kernels/mesa_attention.h"

#include "support/test.h"

using namespace arzoo;

TEST_CASE("the mesa layer is the token by token Sherman-Morrison recursion of its paper") {
  torch::manual_seed(3);
  const auto q = at::randn({2, 3, 7, 4}, at::kDouble), x = at::randn({2, 3, 7, 4}, at::kDouble),
             y = at::randn({2, 3, 7, 4}, at::kDouble);
  const auto lambdas = at::tensor({0.5, 1.0, 3.0}, at::kDouble);
  auto r = at::eye(4, at::kDouble) * lambdas.view({1, 3, 1, 1}).expand({2, 3, 4, 4});
  std::vector<at::Tensor> outputs, precisions;
  for (int64_t t = 0; t < 7; ++t) {
    const auto column = x.select(2, t).unsqueeze(-1);
    const auto moved = at::matmul(r, column);
    r = r - at::matmul(moved, moved.transpose(-1, -2)) / (1.0 + at::matmul(column.transpose(-1, -2), moved));
    const auto answer = at::matmul(r, q.select(2, t).unsqueeze(-1)).squeeze(-1);
    auto sum = at::zeros({2, 3, 4}, at::kDouble);
    for (int64_t s = 0; s <= t; ++s)
      sum = sum + y.select(2, s) * (x.select(2, s) * answer).sum(-1, /*keepdim=*/true);
    outputs.push_back(sum);
    precisions.push_back(r);
  }
  CHECK(at::allclose(kernels::mesa_attention(q, x, y, lambdas), at::stack(outputs, 2), 1e-10, 1e-12));
  CHECK(at::allclose(kernels::mesa_precisions(x, lambdas), at::stack(precisions, 2), 1e-10, 1e-12));
}

TEST_CASE("causal linear attention sums over what came before, unscaled") {
  torch::manual_seed(4);
  const auto q = at::randn({1, 2, 5, 3}), k = at::randn({1, 2, 5, 3}), v = at::randn({1, 2, 5, 3});
  auto state = at::zeros({1, 2, 3, 3});
  for (int64_t t = 0; t < 5; ++t) {
    state = state + v.select(2, t).unsqueeze(-1) * k.select(2, t).unsqueeze(-2);
    const auto expected = at::matmul(state, q.select(2, t).unsqueeze(-1)).squeeze(-1);
    CHECK(at::allclose(kernels::linear_attention(q, k, v).select(2, t), expected, 1e-5, 1e-6));
  }
}
