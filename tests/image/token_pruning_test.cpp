#include "image/token_pruning.h"

#include <torch/torch.h>

#include "support/test.h"

using namespace arzoo;
using image::TokenPruning;
using Branch = image::TokenPruning::Branch;

namespace {

const image::Grids kGrids = image::square_grids({1, 2, 4});

}  // namespace

TEST_CASE("pivots are the tokens farthest from the mean, of each row its own") {
  TokenPruning pruning({0, 0, 0.75}, kGrids);
  pruning.begin_pass(2, /*alone=*/true, 1);
  auto x = at::zeros({2, 16, 3});
  for (const int64_t token : {3, 5, 9, 12}) x[0][token].fill_(5.0);
  for (const int64_t token : {0, 1, 2, 15}) x[1][token].fill_(-5.0);
  CHECK(at::equal(pruning.pivots(x), at::tensor({3, 5, 9, 12, 0, 1, 2, 15}, at::kLong).view({2, 4})));
}

TEST_CASE("tokens that are skipped get what the last whole scale got, enlarged") {
  TokenPruning pruning({0, 0, 0.75}, kGrids);
  pruning.begin_pass(1, true, 2);
  CHECK_FALSE(pruning.pivots(at::randn({1, 4, 3})).defined());
  const auto made = at::full({1, 4, 3}, 2.0);
  CHECK(at::equal(pruning.whole(made, {}, 1, Branch::ffn), made));
  pruning.begin_pass(2, true, 2);
  const auto pivots = at::tensor({1, 2, 7, 8}, at::kLong).view({1, 4});
  const auto whole = pruning.whole(at::full({1, 4, 3}, 9.0), pivots, 1, Branch::ffn);
  auto expected = at::full({1, 16, 3}, 2.0);
  for (const int64_t token : {1, 2, 7, 8}) expected[0][token].fill_(9.0);
  CHECK(at::allclose(whole, expected));
  // The other branch, and a block that the scale before did not pass, add nothing.
  expected = at::where(expected.eq(9.0), expected, at::zeros({}));
  CHECK(at::equal(pruning.whole(at::full({1, 4, 3}, 9.0), pivots, 1, Branch::attention), expected));
  CHECK(at::equal(pruning.whole(at::full({1, 4, 3}, 9.0), pivots, 0, Branch::ffn), expected));
}

TEST_CASE(
    "of several pruned scales all are enlarged from the last whole one; the first scale is never pruned") {
  TokenPruning pruning({0.9, 0.5, 0.5}, kGrids);
  CHECK_FALSE(pruning.prunes(0));
  CHECK(pruning.kept(1) == 2);
  pruning.begin_pass(0, true, 1);
  pruning.whole(at::full({1, 1, 2}, 3.0), {}, 0, Branch::ffn);
  for (const std::size_t scale : {1, 2}) {
    pruning.begin_pass(scale, true, 1);
    const auto pivots = at::zeros({1, 1}, at::kLong);
    const auto whole = pruning.whole(at::ones({1, 1, 2}), pivots, 0, Branch::ffn);
    CHECK(whole.size(1) == kGrids[scale].tokens());
    CHECK(at::equal(whole.narrow(1, 1, whole.size(1) - 1), at::full({1, whole.size(1) - 1, 2}, 3.0)));
  }
}

TEST_CASE("scales that pass together are whole, and the last of them is remembered") {
  TokenPruning pruning({0, 0.5, 0.5}, kGrids);
  pruning.begin_pass(1, /*alone=*/false, 1);
  CHECK_FALSE(pruning.pivots(at::randn({1, 5, 2})).defined());
  const auto both = at::cat({at::zeros({1, 1, 2}), at::ones({1, 4, 2})}, 1);
  pruning.whole(both, {}, 0, Branch::ffn);
  pruning.begin_pass(2, true, 1);
  const auto whole = pruning.whole(at::zeros({1, 1, 2}), at::zeros({1, 1}, at::kLong), 0, Branch::ffn);
  CHECK(at::equal(whole.narrow(1, 1, 15), at::ones({1, 15, 2})));
}
