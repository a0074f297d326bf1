#include "core/share.h"

#include "support/test.h"

using arzoo::Share;

TEST_CASE("shares are all items once, in order, and differ by one at most") {
  for (const int64_t items : {0, 1, 5, 12, 1000003}) {
    for (const int64_t count : {1, 2, 3, 7, 12}) {
      CAPTURE(items, count);
      int64_t next = 0;
      for (int64_t index = 0; index < count; ++index) {
        const Share share{index, count};
        CHECK(share.first(items) == next);
        CHECK(std::abs(share.size(items) - items / count) <= 1);
        next += share.size(items);
      }
      CHECK(next == items);
    }
  }
}
