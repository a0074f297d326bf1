#include "runtime/prefetcher.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>

#include "support/test.h"

using arzoo::runtime::Prefetcher;

namespace {

void wait_until(const std::atomic<int64_t>& value, int64_t least) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (value.load() < least && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  REQUIRE(value.load() >= least);
}

}  // namespace

TEST_CASE("items come in order, each made once") {
  std::atomic<int64_t> made = 0;
  {
    Prefetcher<int64_t> items([&](int64_t i) { return ++made, i * i; });
    for (int64_t i = 0; i < 100; ++i) REQUIRE(items.get(i) == i * i);
  }
  CHECK(made.load() >= 100);
  CHECK(made.load() <= 105);
}

TEST_CASE("nothing is made before the first item is asked for") {
  std::atomic<int64_t> made = 0;
  const Prefetcher<int64_t> items([&](int64_t i) { return ++made, i; });
  CHECK(made.load() == 0);
}

TEST_CASE("items are made ahead of their use, as many as the depth and one in hand") {
  std::atomic<int64_t> made = 0;
  Prefetcher<int64_t> items([&](int64_t i) { return ++made, i; }, 3);
  items.get(0);
  wait_until(made, 5);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(made.load() == 5);
}

TEST_CASE("any other index starts anew there") {
  Prefetcher<int64_t> items([](int64_t i) { return i; });
  for (const int64_t index : {0, 1, 40, 41, 7, 7, 8, 0}) CHECK(items.get(index) == index);
}

TEST_CASE("items that can only be moved are moved") {
  Prefetcher<std::unique_ptr<int64_t>> items([](int64_t i) { return std::make_unique<int64_t>(i); });
  CHECK(*items.get(3) == 3);
}

TEST_CASE("an exception passes to who asks for the item, after the items before it") {
  std::atomic<int64_t> tries = 0;
  Prefetcher<int64_t> items([&](int64_t i) {
    if (i == 2 && tries++ == 0) throw std::runtime_error("item 2 is broken");
    return i;
  });
  CHECK(items.get(0) == 0);
  CHECK(items.get(1) == 1);
  CHECK_THROWS_WITH(items.get(2), "item 2 is broken");
  CHECK_THROWS_WITH(items.get(2), "item 2 is broken");
  CHECK(items.get(5) == 5);
  CHECK(items.get(2) == 2);
}

TEST_CASE("it can be destroyed at any time") {
  const auto taken = GENERATE(0, 1, 2, 7);
  for (int round = 0; round < 20; ++round) {
    Prefetcher<int64_t> items([](int64_t i) { return i; }, 2);
    for (int64_t i = 0; i < taken; ++i) CHECK(items.get(i) == i);
  }
  std::atomic<int64_t> made = 0;
  Prefetcher<int64_t> full([&](int64_t i) { return ++made, i; }, 1);
  full.get(0);
  wait_until(made, 3);  // its thread waits for room now
}
