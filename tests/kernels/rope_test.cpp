#include "kernels/rope.h"

#include "nn/kv_cache.h"
#include "nn/rms_norm.h"
#include "support/test.h"

using namespace arzoo;

TEST_CASE("scores of rotated heads depend on the distance of their positions alone") {
  torch::manual_seed(1);
  const auto q = at::randn({1, 2, 1, 8}), k = at::randn({1, 2, 1, 8});
  const auto score = [&](int64_t of_query, int64_t of_key) {
    const auto turned = [](const at::Tensor& x, int64_t position) {
      return kernels::apply_rope(
          x, kernels::rope_angles(at::tensor({position}, at::kLong), 8, 10000.0, at::kFloat));
    };
    return (turned(q, of_query) * turned(k, of_key)).sum(-1);
  };
  CHECK(at::allclose(score(7, 3), score(104, 100), 1e-4, 1e-4));
  CHECK_FALSE(at::allclose(score(7, 3), score(7, 4), 1e-2, 1e-2));
}

TEST_CASE("a component turns with the one half a head away, at the frequency of the formula") {
  const auto x = at::tensor({1.0F, 0.0F, 0.0F, 0.0F}).view({1, 1, 1, 4});
  const auto turned =
      kernels::apply_rope(x, kernels::rope_angles(at::tensor({3}, at::kLong), 4, 500.0, at::kFloat))
          .flatten();
  CHECK(at::allclose(turned, at::tensor({std::cos(3.0F), 0.0F, std::sin(3.0F), 0.0F})));
  const auto second = kernels::apply_rope(x.roll(1, -1), kernels::rope_angles(at::tensor({3}, at::kLong), 4,
                                                                              500.0, at::kFloat))
                          .flatten();
  const auto angle = static_cast<float>(3.0 / std::sqrt(500.0));
  CHECK(at::allclose(second, at::tensor({0.0F, std::cos(angle), 0.0F, std::sin(angle)})));
}

TEST_CASE("a row of positions per sample turns each sample by its own") {
  torch::manual_seed(2);
  const auto x = at::randn({2, 1, 3, 4});
  const auto positions = at::tensor({0, 1, 2, 5, 6, 7}, at::kLong).view({2, 3});
  const auto together = kernels::apply_rope(x, kernels::rope_angles(positions, 4, 10000.0, at::kFloat));
  for (int64_t i = 0; i < 2; ++i) {
    const auto alone =
        kernels::apply_rope(x.narrow(0, i, 1), kernels::rope_angles(positions[i], 4, 10000.0, at::kFloat));
    CHECK(at::equal(together.narrow(0, i, 1), alone));
  }
}

TEST_CASE("the norm of root mean squares is the same in inference and under autograd") {
  torch::manual_seed(3);
  const auto width = GENERATE(int64_t{1}, int64_t{7}, int64_t{16}, int64_t{50});
  nn::RmsNorm norm(width, 1e-5);
  {
    const torch::NoGradGuard no_grad;
    at::Tensor(norm.parameters().front()).uniform_(0.5, 1.5);
  }
  const auto x = at::randn({3, 5, width}) * 0.01;
  const auto expected = norm.forward(x);
  CHECK(at::allclose(
      expected.square().mean(-1),
      (x / (x.square().mean(-1, true) + 1e-5).sqrt() * norm.parameters().front()).square().mean(-1)));
  const c10::InferenceMode inference;
  CHECK(at::allclose(norm.forward(x), expected, 1e-6, 1e-7));
}

TEST_CASE("a cache gives back all that was appended, beyond its capacity too") {
  torch::manual_seed(4);
  const auto k = at::randn({2, 3, 11, 4}), v = at::randn({2, 3, 11, 4});
  nn::KvCache cache(6);
  int64_t first = 0;
  for (const int64_t tokens : {5, 1, 4, 1}) {
    const auto [keys, values] = cache.append(k.narrow(2, first, tokens), v.narrow(2, first, tokens));
    first += tokens;
    CHECK(cache.length() == first);
    CHECK(at::equal(keys, k.narrow(2, 0, first)));
    CHECK(at::equal(values, v.narrow(2, 0, first)));
  }
}
