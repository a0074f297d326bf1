#include "forecast/data/length_batches.h"

#include "support/test.h"

using arzoo::forecast::length_batches;
using Batches = std::vector<std::vector<std::size_t>>;

TEST_CASE("series of about one length share a batch, in the order of their lengths") {
  CHECK(length_batches({100, 10, 80, 11, 101}, 0, 99, 9999) == Batches{{1, 3}, {2, 0}, {4}});
  CHECK(length_batches({7, 7, 7}, 5, 99, 9999) == Batches{{0, 1, 2}});
  CHECK(length_batches({}, 5, 99, 9999).empty());
}

TEST_CASE("a batch has no more rows and steps than asked for, but at least one series") {
  CHECK(length_batches({7, 7, 7}, 5, 2, 9999) == Batches{{0, 1}, {2}});
  CHECK(length_batches({7, 7, 7}, 5, 99, 24) == Batches{{0, 1}, {2}});
  CHECK(length_batches({7, 7}, 5, 99, 1) == Batches{{0}, {1}});
}
