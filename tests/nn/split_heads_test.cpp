#include "nn/split_heads.h"

#include "support/test.h"

using namespace arzoo;
using nn::FusedHeads;

TEST_CASE("heads lie side by side in the last axis, and come back as they went") {
  const auto x = at::randn({2, 5, 12});
  const auto heads = nn::split_heads(x, 3);
  CHECK(heads.sizes() == at::IntArrayRef({2, 3, 5, 4}));
  CHECK(at::equal(heads[1][2], x[1].narrow(1, 8, 4)));
  CHECK(at::equal(nn::merge_heads(heads), x));
}

TEST_CASE("a fused map is split by part or by head") {
  const auto x = at::randn({2, 5, 24});  // two parts of three heads of four
  const auto by_part = nn::split_heads(x, 3, 2), by_head = nn::split_heads(x, 3, 2, FusedHeads::by_head);
  REQUIRE(by_part.size() == 2);
  REQUIRE(by_head.size() == 2);
  for (int64_t part = 0; part < 2; ++part) {
    for (int64_t head = 0; head < 3; ++head) {
      CHECK(at::equal(by_part[part].select(1, head), x.narrow(2, 12 * part + 4 * head, 4)));
      CHECK(at::equal(by_head[part].select(1, head), x.narrow(2, 8 * head + 4 * part, 4)));
    }
  }
}

TEST_CASE("fewer key and value heads follow the queries, or the queries of their group") {
  const auto x = at::randn({2, 5, 16});  // four query heads and two of keys and values, of two
  const auto by_part = nn::split_qkv(x, 4, 2, FusedHeads::by_part);
  CHECK(at::equal(nn::merge_heads(by_part.q), x.narrow(2, 0, 8)));
  CHECK(at::equal(nn::merge_heads(by_part.k), x.narrow(2, 8, 4)));
  CHECK(at::equal(nn::merge_heads(by_part.v), x.narrow(2, 12, 4)));
  const auto by_head = nn::split_qkv(x, 4, 2, FusedHeads::by_head);
  CHECK(at::equal(by_head.q.select(1, 3), x.narrow(2, 10, 2)));
  CHECK(at::equal(by_head.k.select(1, 1), x.narrow(2, 12, 2)));
  CHECK(at::equal(by_head.v.select(1, 0), x.narrow(2, 6, 2)));
}

TEST_CASE("a repeated head serves its neighbours") {
  const auto x = at::randn({2, 3, 5, 4});
  const auto repeated = nn::repeat_heads(x, 2);
  CHECK(repeated.sizes() == at::IntArrayRef({2, 6, 5, 4}));
  CHECK(at::equal(repeated.select(1, 3), x.select(1, 1)));
}
