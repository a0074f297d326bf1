#include "image/grid_attention.h"

#include "support/test.h"

using namespace arzoo;
using namespace arzoo::image;

TEST_CASE("axial attention of a grid hears a token's row and column alone, full attention all of it") {
  const torch::NoGradGuard no_grad;
  const bool axial = GENERATE(false, true);
  torch::manual_seed(3);
  GridAttention attention({.width = 16, .heads = 2, .qkv_bias = false, .axial = axial});
  for (auto& parameter : attention.parameters()) parameter.normal_(0.0, 0.3);
  const auto angles = attention.angles({4});
  const auto x = at::randn({2, 16, 16});
  auto other = x.clone();
  other.select(1, 1 * 4 + 2) += 1.0;
  const auto change = (attention.forward(other, angles) - attention.forward(x, angles))
                          .abs()
                          .sum(at::IntArrayRef{0, 2})
                          .view({4, 4});
  for (int64_t y = 0; y < 4; ++y) {
    for (int64_t column = 0; column < 4; ++column) {
      INFO(y << ", " << column);
      CHECK((change[y][column].item<double>() > 0.0) == (!axial || y == 1 || column == 2));
    }
  }
}

TEST_CASE("on a grid of one token axial and full attention are the same") {
  const torch::NoGradGuard no_grad;
  const auto result = [](bool axial) {
    torch::manual_seed(4);
    GridAttention attention({.width = 16, .heads = 2, .qkv_bias = true, .axial = axial});
    for (auto& parameter : attention.parameters()) parameter.normal_(0.0, 0.3);
    return attention.forward(at::ones({1, 1, 16}), attention.angles({1}));
  };
  CHECK(at::allclose(result(false), result(true)));
}
