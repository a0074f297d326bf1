#include "nn/draft_acceptor.h"

#include "nn/draft_random_inputs.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::nn;

TEST_CASE("a shuffled table of near codes has other codes' rows, and no code in its own") {
  const auto nearest = nearest_other_codes(at::randn({30, 3}), 12), shuffled = shuffled_codes(nearest);
  CHECK(shuffled.sizes() == nearest.sizes());
  CHECK_FALSE(shuffled.eq(at::arange(30, at::kLong).unsqueeze(1)).any().item<bool>());
  CHECK(shuffled.ne(nearest).any(1).sum().item<int64_t>() > 20);
  for (int64_t code = 0; code < 30; ++code) CHECK(std::get<0>(at::_unique(shuffled[code])).size(0) == 12);
}

TEST_CASE("greedy decoding takes the longest path of most likely codes") {
  DraftTree tree = DraftTree::of_root(7);
  const auto a = tree.add(1, 0), b = tree.add(2, 0);
  tree.add(0, a);
  tree.add(3, b);
  auto p = at::full({5, 4}, 0.1F);
  p[0][2] = 0.7F;  // after the root: 2
  p[2][3] = 0.7F;  // after 2: 3
  p[4][1] = 0.7F;
  SeededDrafts random(1);
  const auto path = GreedyAcceptor().accept(tree, p, 0, random);
  CHECK(path.nodes == std::vector<int64_t>{0, 2, 4});
  CHECK(path.next == 1);
}
