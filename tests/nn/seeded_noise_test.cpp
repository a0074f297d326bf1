#include "nn/seeded_noise.h"

#include "core/seeded_random.h"
#include "support/test.h"

using namespace arzoo;

TEST_CASE("seeded orders are permutations, each place as likely to come first") {
  std::vector<uint64_t> streams;
  for (uint64_t i = 0; i < 4000; ++i) streams.push_back(splitmix64(i));
  const auto orders = nn::seeded_orders(streams, 8);
  CHECK(at::equal(std::get<0>(orders.sort(1)), at::arange(8, at::kLong).expand({4000, 8})));
  const auto first = at::bincount(orders.select(1, 0).contiguous(), {}, 8).to(at::kDouble) / 4000.0;
  CHECK(at::allclose(first, at::full({8}, 0.125, at::kDouble), 0, 0.03));
}
