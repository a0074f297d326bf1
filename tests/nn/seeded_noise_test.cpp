#include "nn/seeded_noise.h"

#include "support/test.h"

using namespace arzoo;

TEST_CASE("rows of noise are normal and independent of each other") {
  std::vector<nn::NoiseRow> rows;
  for (uint64_t stream = 0; stream < 200; ++stream) {
    for (uint64_t place = 0; place < 50; ++place) rows.push_back({stream, place});
  }
  const auto noise = nn::normal_rows(rows, 7).to(at::kDouble);
  CHECK(noise.mean().item<double>() == Approx(0.0).margin(0.02));
  CHECK(noise.var().item<double>() == Approx(1.0).margin(0.03));
  CHECK(noise.pow(4).mean().item<double>() == Approx(3.0).margin(0.15));
  const auto covariance = noise.t().matmul(noise) / static_cast<double>(noise.size(0));
  CHECK((covariance - at::eye(7, at::kDouble)).abs().max().item<double>() < 0.06);
}

TEST_CASE("a row is the same in any batch, another place or stream gives another") {
  const auto both = nn::normal_rows({{5, 2}, {9, 4}}, 3), one = nn::normal_rows({{9, 4}}, 3);
  CHECK(at::equal(both[1], one[0]));
  CHECK_FALSE(at::equal(nn::normal_rows({{9, 5}}, 3), one));
  CHECK_FALSE(at::equal(nn::normal_rows({{8, 4}}, 3), one));
}

TEST_CASE("seeded orders are permutations, each place as likely to come first") {
  std::vector<uint64_t> streams;
  for (uint64_t i = 0; i < 4000; ++i) streams.push_back(splitmix64(i));
  const auto orders = nn::seeded_orders(streams, 8);
  CHECK(at::equal(std::get<0>(orders.sort(1)), at::arange(8, at::kLong).expand({4000, 8})));
  const auto first = at::bincount(orders.select(1, 0).contiguous(), {}, 8).to(at::kDouble) / 4000.0;
  CHECK(at::allclose(first, at::full({8}, 0.125, at::kDouble), 0, 0.03));
}
