#include "nn/structured_linear.h"

#include "core/error.h"
#include "nn/dense_sparse_linear.h"
#include "runtime/deferred_weights.h"
#include "support/test.h"

using namespace arzoo;
using kernels::Activation;

namespace {

nn::StructuredLinear fresh(const std::string& method, bool guided = false) {
  nn::StructuredLinear map({.method = method, .rank = 6, .blocks = 3}, /*in=*/12, /*out=*/18,
                           /*with_bias=*/true);
  if (guided) map.add_guide();
  map.initialise({.post_init = method == "lowrank" ? "svd" : "ortho"});
  return map;
}
std::string any_method() { return GENERATE(std::string("lowrank"), "blockdense", "blockshuffle"); }

}  // namespace

TEST_CASE("few tokens take the merged weight, many the factors, with one result") {
  torch::manual_seed(1);
  const torch::NoGradGuard no_grad;
  auto map = fresh(any_method());
  map.eval();
  const auto x = at::randn({40, 12});
  const auto many = map.map(x, Activation::gelu);
  CHECK(at::allclose(map.map(x.narrow(0, 3, 4), Activation::gelu), many.narrow(0, 3, 4), 1e-4, 1e-5));
  CHECK(at::allclose(at::gelu(at::linear(x, map.merged())), many, 1e-4, 1e-5));
}

TEST_CASE("a guided map begins as its guide and ends as its factors") {
  torch::manual_seed(2);
  const torch::NoGradGuard no_grad;
  const auto method = any_method();
  auto map = fresh(method, /*guided=*/true);
  map.train();
  const auto x = at::randn({5, 12});
  const auto guide = at::linear(x, map.named_parameters()["guide_linear"]);
  CHECK(at::allclose(map.map(x, Activation::none), guide, 1e-5, 1e-6));
  // The official guide of blockshuffle lacks the permutations.
  CHECK(at::allclose(guide, at::linear(x, map.merged()), 1e-4, 1e-5) == (method != "blockshuffle"));
  map.set_guide(0.25, 3);
  CHECK(at::allclose(map.map(x, Activation::none), 0.25 * guide + 0.75 * at::linear(x, map.merged()), 1e-4,
                     1e-5));
  map.skip_guide(true);
  CHECK(at::allclose(map.map(x, Activation::none), at::linear(x, map.merged()), 1e-4, 1e-5));
}

TEST_CASE("the merged weight follows the factors through training") {
  torch::manual_seed(3);
  auto map = fresh("lowrank");
  const auto x = at::randn({2, 12});
  const auto result = [&] {
    const torch::NoGradGuard no_grad;
    map.eval();
    return map.map(x, Activation::none);
  };
  const auto before = result();
  map.train();
  {
    const torch::NoGradGuard no_grad;
    map.named_parameters()["lr2"].mul_(2.0);
  }
  CHECK(at::allclose(result(), 2.0 * before, 1e-5, 1e-6));
}

TEST_CASE("sizes that do not divide are refused") {
  CHECK_THROWS_AS(nn::StructuredLinear({.method = "blockshuffle", .blocks = 5}, 10, 12, false), ConfigError);
  CHECK_THROWS_AS(nn::StructuredLinear({.method = "blockdense", .rank = 7, .blocks = 2}, 10, 12, false),
                  ConfigError);
  CHECK_THROWS_AS(nn::StructuredLinear({.method = "lowrank", .rank = 20}, 10, 12, false), ConfigError);
  CHECK_NOTHROW(nn::StructuredLinear({.method = "blockdense", .rank = 4, .blocks = 2}, 10, 13, false));
}

TEST_CASE(
    "weights that are deferred are not factorised: memory that nothing has filled may hold no numbers") {
  // With it LibTorch fills such memory with NaN.
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/true);
  {
    const runtime::DeferredWeights deferred;
    CHECK_NOTHROW(fresh(any_method(), /*guided=*/true));
    nn::DenseSparseLinear map({.blocks = 2, .rank = 4, .nonzeros = 2}, /*in=*/12, /*out=*/18,
                              /*with_bias=*/true);
    CHECK_NOTHROW(map.initialise(0.02));
  }
  at::globalContext().setDeterministicAlgorithms(false, /*warn_only=*/false);
}
