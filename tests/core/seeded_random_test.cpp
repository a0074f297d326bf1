#include "core/seeded_random.h"

#include <algorithm>
#include <set>

#include "support/test.h"

using namespace arzoo;

TEST_CASE("SplitMix64 gives the numbers of its published code") {
  // Of a generator whose state begins as 0: each step adds the constant and hashes.
  CHECK(splitmix64(0) == 0xe220a8397b1dcdafU);
  CHECK(splitmix64(0x9e3779b97f4a7c15U) == 0x6e789e6aa1b965f4U);
  CHECK(splitmix64(2 * 0x9e3779b97f4a7c15U) == 0x06c45d188009454fU);
}

TEST_CASE("seeds of items do not depend on where a run begins, and differ by run, stream and item") {
  const auto all = item_seeds(7, 0, 6), later = item_seeds(7, 4, 2);
  CHECK(std::equal(later.begin(), later.end(), all.begin() + 4));
  CHECK(item_seeds(8, 0, 1) != item_seeds(7, 0, 1));
  std::set<uint64_t> seeds;
  for (uint64_t seed : {0, 1, 2}) {
    for (uint64_t stream : {0, 1, 2}) {
      for (uint64_t index : {0, 1, 2}) seeds.insert(stream_seed(seed, stream, index));
    }
  }
  CHECK(seeds.size() == 27);
}

TEST_CASE("uniform numbers lie in their interval, with the moments of the uniform distribution") {
  auto engine = seeded_engine({1, 2, 3});
  double sum = 0.0, squares = 0.0;
  constexpr int kNumbers = 20000;
  for (uint64_t i = 0; i < kNumbers; ++i) {
    const double a = uniform_of(5, i), b = uniform(engine);
    REQUIRE((a > 0.0 && a < 1.0 && b >= 0.0 && b < 1.0));
    sum += a;
    squares += b * b;
  }
  CHECK(sum / kNumbers == Approx(0.5).margin(0.01));
  CHECK(squares / kNumbers == Approx(1.0 / 3.0).margin(0.01));
}

TEST_CASE("normal numbers have mean 0 and variance 1") {
  auto engine = seeded_engine({4});
  double sum = 0.0, squares = 0.0;
  constexpr int kNumbers = 40000;
  for (int i = 0; i < kNumbers; ++i) {
    const double x = normal(engine);
    sum += x;
    squares += x * x;
  }
  CHECK(sum / kNumbers == Approx(0.0).margin(0.02));
  CHECK(squares / kNumbers == Approx(1.0).margin(0.03));
}

TEST_CASE("an engine is told by all words of its seed") {
  CHECK(seeded_engine({1, 2, 3})() == seeded_engine({1, 2, 3})());
  CHECK(seeded_engine({1, 2, 3})() != seeded_engine({1, 2, 3, 0})());
  CHECK(seeded_engine({1, 2, 3})() != seeded_engine({1, 2, 4})());
  CHECK(low_word(0x1122334455667788U) == 0x55667788U);
  CHECK(high_word(0x1122334455667788U) == 0x11223344U);
}

TEST_CASE("a permutation holds every number once, a sample of indices none twice while there are enough") {
  auto engine = seeded_engine({9});
  auto order = permutation(50, engine);
  CHECK_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (int64_t i = 0; i < 50; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
  const auto few = sample_indices(50, 20, engine);
  CHECK(std::set<int64_t>(few.begin(), few.end()).size() == 20);
  const auto many = sample_indices(3, 7, engine);
  CHECK(many.size() == 7);
  CHECK(std::set<int64_t>(many.begin(), many.begin() + 3).size() == 3);
  CHECK(std::equal(many.begin() + 3, many.begin() + 6, many.begin()));
  CHECK(sample_indices(0, 0, engine).empty());
}
