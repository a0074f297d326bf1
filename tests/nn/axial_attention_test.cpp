#include "nn/axial_attention.h"

#include "support/test.h"

using namespace arzoo;

namespace {

nn::AxialAttention attention_of(const nn::AxialAttentionOptions& options) {
  torch::manual_seed(4);
  nn::AxialAttention attention(options);
  attention.initialise();
  return attention;
}

}  // namespace

TEST_CASE("a position of a grid hears those of its axes and no others") {
  const torch::NoGradGuard no_grad;
  const auto attention = attention_of({.dim = 6, .heads = 2, .num_dimensions = 3, .dim_index = -1});
  const auto x = at::randn({1, 3, 4, 5, 6});
  auto other = x.clone();
  other[0][1][2][3] += 1.0;
  const auto change = (attention.forward(other) - attention.forward(x)).abs().sum(-1)[0];  // [3, 4, 5]
  for (int64_t i = 0; i < 3; ++i) {
    for (int64_t j = 0; j < 4; ++j) {
      for (int64_t k = 0; k < 5; ++k) {
        const int shared = (i == 1) + (j == 2) + (k == 3);
        INFO(i << ' ' << j << ' ' << k);
        CHECK((change[i][j][k].item<double>() > 0.0) == (shared >= 2));
      }
    }
  }
}

TEST_CASE("axes one after the other reach the whole grid") {
  const torch::NoGradGuard no_grad;
  const auto attention = attention_of({.dim = 6, .heads = 3, .dim_index = 1, .sum_axial_out = false});
  const auto x = at::randn({1, 6, 4, 5});
  auto other = x.clone();
  other.select(3, 4).select(2, 0) += 1.0;
  CHECK((attention.forward(other) - attention.forward(x)).abs().sum(1).min().item<double>() > 0.0);
}

TEST_CASE("where the channels stand changes nothing else") {
  const torch::NoGradGuard no_grad;
  const auto first = attention_of({.dim = 6, .heads = 2, .dim_heads = 5, .dim_index = 1}),
             last = attention_of({.dim = 6, .heads = 2, .dim_heads = 5, .dim_index = -1});
  const auto x = at::randn({2, 6, 3, 4});
  CHECK(at::allclose(first.forward(x), last.forward(x.permute({0, 2, 3, 1})).permute({0, 3, 1, 2}), 1e-5,
                     1e-6));
}

TEST_CASE("axial attention refuses heads that do not divide its width and channels that are nowhere") {
  CHECK_THROWS_WITH(nn::AxialAttention({.dim = 6, .heads = 4}), ContainsSubstring("multiple of 4 heads"));
  CHECK_THROWS_WITH(nn::AxialAttention({.dim = 6, .heads = 2, .dim_index = 4}),
                    ContainsSubstring("axis 4 of 4"));
}
