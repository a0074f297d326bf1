#include "nn/transformer_block.h"

#include "support/test.h"

using namespace arzoo;

namespace {

constexpr int64_t kWidth = 8, kHidden = 20;

nn::Affine random_map(int64_t in, int64_t out) { return {0.5 * at::randn({out, in}), at::randn({out})}; }

nn::BlockWeights random_weights() {
  torch::manual_seed(3);
  nn::BlockWeights weights;
  weights.norm_1 = {at::rand({kWidth}) + 0.5, at::randn({kWidth})};
  weights.norm_2 = {at::rand({kWidth}) + 0.5, at::randn({kWidth})};
  weights.query = random_map(kWidth, kWidth);
  weights.key = random_map(kWidth, kWidth);
  weights.value = random_map(kWidth, kWidth);
  weights.projection = random_map(kWidth, kWidth);
  weights.up = random_map(kWidth, kHidden);
  weights.down = random_map(kHidden, kWidth);
  return weights;
}

}  // namespace

TEST_CASE("a block that is not causal commutes with an order of its tokens") {
  const nn::TransformerBlock block({.heads = 2});
  const auto weights = random_weights();
  const auto x = at::randn({3, 6, kWidth});
  const auto order = at::tensor({4, 0, 5, 2, 1, 3}, at::kLong);
  CHECK(at::allclose(block.forward(x.index_select(1, order), weights),
                     block.forward(x, weights).index_select(1, order), 1e-4, 1e-4));
}

TEST_CASE("maps apart, side by side and head by head are the same attention") {
  auto weights = random_weights();
  const auto x = at::randn({3, 6, kWidth});
  const auto apart = nn::TransformerBlock({.heads = 2}).forward(x, weights);
  const auto parts = std::vector{weights.query, weights.key, weights.value};
  const auto fused = [&](const auto& join) {
    std::vector<at::Tensor> maps, biases;
    for (const auto& part : parts) {
      maps.push_back(part.weight.unflatten(0, {2, kWidth / 2}));
      biases.push_back(part.bias.unflatten(0, {2, kWidth / 2}));
    }
    return nn::Affine{join(maps).reshape({3 * kWidth, kWidth}), join(biases).reshape({3 * kWidth})};
  };
  weights.qkv = fused([](const auto& all) { return at::cat(all, 0); });
  CHECK(at::allclose(nn::TransformerBlock({.heads = 2}).forward(x, weights), apart, 1e-4, 1e-4));
  weights.qkv = fused([](const auto& all) { return at::stack(all, 1); });
  const nn::TransformerBlock by_head({.heads = 2, .fused = nn::FusedHeads::by_head});
  CHECK(at::allclose(by_head.forward(x, weights), apart, 1e-4, 1e-4));
}

TEST_CASE("attention may be asked for some tokens alone") {
  const nn::TransformerBlock block({.heads = 2});
  const auto weights = random_weights();
  const auto x = at::randn({2, 6, kWidth});
  const auto wanted = at::tensor({1, 4, 0, 5}, at::kLong).view({2, 2});
  const auto some = block.attention(x, weights, {.queries = wanted});
  CHECK(at::allclose(some, block.attention(x, weights).gather(1, wanted.unsqueeze(-1).expand({2, 2, kWidth})),
                     1e-4, 1e-4));
}

TEST_CASE("branches may be scaled, and are dropped in training alone") {
  auto weights = random_weights();
  const auto x = at::randn({2, 6, kWidth});
  const nn::TransformerBlock block({.heads = 2, .dropout = 0.5});
  CHECK(at::equal(block.forward(x, weights), nn::TransformerBlock({.heads = 2}).forward(x, weights)));
  CHECK_FALSE(at::allclose(block.forward(x, weights, {.training = true}), block.forward(x, weights)));
  weights.scale_1 = weights.scale_2 = at::zeros({kWidth});
  CHECK(at::equal(block.forward(x, weights), x));
}
