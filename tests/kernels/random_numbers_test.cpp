#include "kernels/random_numbers.h"

#include "core/seeded_random.h"
#include "support/test.h"

using namespace arzoo;

TEST_CASE("rows of normal numbers are normal and independent of each other") {
  std::vector<uint64_t> streams(200);
  std::iota(streams.begin(), streams.end(), uint64_t{0});
  const auto noise =
      kernels::normal_numbers(kernels::streams_on(streams), 0, 50, 7).flatten(0, 1).to(at::kDouble);
  CHECK(noise.mean().item<double>() == Approx(0.0).margin(0.02));
  CHECK(noise.var().item<double>() == Approx(1.0).margin(0.03));
  CHECK(noise.pow(4).mean().item<double>() == Approx(3.0).margin(0.15));
  const auto covariance = noise.t().matmul(noise) / static_cast<double>(noise.size(0));
  CHECK((covariance - at::eye(7, at::kDouble)).abs().max().item<double>() < 0.06);
}

TEST_CASE("a row is the same in any batch, another place or stream gives another") {
  const auto rows = [](std::vector<uint64_t> streams, int64_t first, int64_t count) {
    return kernels::normal_numbers(kernels::streams_on(streams), first, count, 3);
  };
  const auto one = rows({9}, 4, 1);
  CHECK(at::equal(rows({5, 9}, 2, 3)[1][2], one[0][0]));
  CHECK_FALSE(at::equal(rows({9}, 5, 1), one));
  CHECK_FALSE(at::equal(rows({8}, 4, 1), one));
}

TEST_CASE("uniform numbers are those of the streams, large ones included") {
  const std::vector<uint64_t> streams{3, ~uint64_t{0} - 5};
  const auto numbers = kernels::uniform_numbers(kernels::streams_on(streams), 7, 4);
  for (int64_t row = 0; row < 2; ++row) {
    for (int64_t i = 0; i < 4; ++i)
      CHECK(numbers[row][i].item<double>() ==
            uniform_of(streams[static_cast<std::size_t>(row)], static_cast<uint64_t>(7 + i)));
  }
}

TEST_CASE("normal numbers by tensor operations are those of the loop") {
  const auto streams = kernels::streams_on({1, 2, 77});
  const auto [first, rows, width] =
      GENERATE(table<int64_t, int64_t, int64_t>({{0, 5, 7}, {3, 1, 8}, {9, 2, 1}}));
  const auto loop = kernels::normal_numbers(streams, first, rows, width);
  const auto anywhere = kernels::normal_numbers_anywhere(streams, first, rows, width);
  CHECK(anywhere.sizes() == loop.sizes());
  CHECK(at::allclose(anywhere, loop, 1e-6, 1e-7));
}
