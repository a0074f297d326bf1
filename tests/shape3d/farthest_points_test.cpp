#include "shape3d/farthest_points.h"

#include "support/test.h"

#include "core/error.h"

using namespace arzoo;
using namespace arzoo::shape3d;

TEST_CASE("each next point is one of those farthest from all points before it, the first of several") {
  torch::manual_seed(4);
  const auto points = at::rand({3, 50, 3});
  const auto start = at::tensor({0, 49, 7}, at::kLong);
  const auto chosen = farthest_points(points, start, 50);
  for (int64_t b = 0; b < 3; ++b) {
    const auto distances = at::cdist(points[b].to(at::kDouble), points[b].to(at::kDouble));
    for (int64_t k = 1; k < 50; ++k) {
      const auto least = std::get<0>(distances.index_select(1, chosen[b].narrow(0, 0, k)).min(1));
      CHECK(least[chosen[b][k].item<int64_t>()].item<double>() ==
            Approx(least.max().item<double>()).margin(1e-6));
    }
    CHECK(std::get<0>(chosen[b].sort()).equal(at::arange(50, at::kLong)));  // all, none twice
  }
}

TEST_CASE("of equal distances the first point is chosen") {
  const auto square = at::tensor({0.0F, 0.0F, 0.0F, 1.0F, 0.0F, 0.0F, -1.0F, 0.0F, 0.0F, 0.0F, 1.0F, 0.0F});
  const auto chosen = farthest_points(square.view({1, 4, 3}), at::tensor({0}, at::kLong), 4);
  CHECK(chosen[0].equal(at::tensor({0, 1, 2, 3}, at::kLong)));
}

TEST_CASE("as many points as torch_cluster keeps, and no more than there are") {
  CHECK(farthest_count(10, 0.25) == 3);
  CHECK(farthest_count(8, 0.25) == 2);
  CHECK(farthest_count(1, 0.01) == 1);
  CHECK_THROWS_WITH(farthest_points(at::rand({1, 4, 3}), at::tensor({0}, at::kLong), 5),
                    ContainsSubstring("5 of 4 points"));
}

TEST_CASE("the corner start does not depend on the order of the points") {
  torch::manual_seed(6);
  const auto points = at::rand({1, 30, 3}), order = at::randperm(30);
  const auto here = corner_start(points), there = corner_start(points.index_select(1, order));
  CHECK(order[there[0].item<int64_t>()].item<int64_t>() == here[0].item<int64_t>());
}
