#include "runtime/epoch_order.h"

#include <algorithm>
#include <set>

#include "support/test.h"

using arzoo::runtime::EpochOrder;
using arzoo::runtime::spread_items;

namespace {

std::vector<int64_t> items_of(EpochOrder& order, int64_t first, int64_t batches) {
  std::vector<int64_t> items;
  for (int64_t i = first; i < first + batches; ++i) {
    const auto batch = order.batch(i);
    items.insert(items.end(), batch.begin(), batch.end());
  }
  return items;
}

}  // namespace

TEST_CASE("an epoch visits whole batches of distinct items, the next one in another order") {
  EpochOrder order(20, 3, 6);
  REQUIRE(order.batches() == 3);
  const auto first = items_of(order, 0, 3), second = items_of(order, 3, 3);
  CHECK(std::set<int64_t>(first.begin(), first.end()).size() == 18);
  CHECK(first != second);
}

TEST_CASE("a batch depends on seed and number alone") {
  EpochOrder one(20, 3, 6), other(20, 3, 6), third(20, 4, 6);
  items_of(one, 0, 5);
  CHECK(items_of(one, 5, 1) == items_of(other, 5, 1));
  CHECK(items_of(one, 5, 1) != items_of(third, 5, 1));
}

TEST_CASE("less than one batch is one batch") {
  EpochOrder order(4, 3, 6);
  CHECK(order.batches() == 1);
  CHECK(order.batch(7).size() == 4);
}

TEST_CASE("chosen items are evenly spread, and all of them when there are no more") {
  CHECK(spread_items(10, 5) == std::vector<int64_t>{0, 2, 4, 6, 8});
  CHECK(spread_items(3, 0) == std::vector<int64_t>{0, 1, 2});
  CHECK(spread_items(3, 9) == std::vector<int64_t>{0, 1, 2});
}

TEST_CASE("the shares of a batch are its items once, and random inputs of their own") {
  EpochOrder joint(20, 3, 7), first(20, 3, 7, {0, 3}), second(20, 3, 7, {1, 3}), third(20, 3, 7, {2, 3});
  for (int64_t batch = 0; batch < 5; ++batch) {
    auto items = items_of(first, batch, 1);
    for (auto* other : {&second, &third}) {
      const auto more = items_of(*other, batch, 1);
      CHECK(more.size() >= 2);
      items.insert(items.end(), more.begin(), more.end());
    }
    CHECK(items == items_of(joint, batch, 1));
  }
  using arzoo::runtime::batch_generator;
  CHECK(batch_generator(1, 2)() == batch_generator(1, 2, {0, 1})());
  CHECK(batch_generator(1, 2, {0, 2})() != batch_generator(1, 2, {1, 2})());
}

TEST_CASE("a batch that is too small for its shares is refused") {
  CHECK_THROWS_WITH(EpochOrder(20, 3, 2, {0, 3}),
                    "training.batch_size: a batch of 2 for 3 processes, expected at least one item for each");
}
