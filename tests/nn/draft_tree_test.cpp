#include "nn/draft_tree.h"

#include "support/test.h"

using namespace arzoo;
using namespace arzoo::nn;

TEST_CASE("a tree's paths, depths and children") {
  DraftTree tree = DraftTree::of_root(9);
  tree.add(1, 0);
  tree.add(2, 0);
  tree.add(3, 1);
  tree.add(4, 1);
  CHECK(tree.children(0) == std::vector<int64_t>{1, 2});
  CHECK(tree.depths() == std::vector<int64_t>{0, 1, 1, 2, 2});
  CHECK(tree.paths() == std::vector<std::vector<int64_t>>{{0, 1, 3}, {0, 1, 4}, {0, 2}});
}
