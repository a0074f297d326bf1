#include "nn/position_table.h"

#include "support/test.h"

using namespace arzoo;

TEST_CASE("a position's row alternates the sines and cosines of its angles") {
  const auto table = nn::position_table(50, 6);
  REQUIRE(table.sizes() == at::IntArrayRef({50, 6}));
  const auto values = table.accessor<float, 2>();
  for (const int64_t position : {0, 1, 7, 49}) {
    for (int64_t i = 0; i < 3; ++i) {
      const double angle =
          static_cast<double>(position) * std::pow(10000.0, -2.0 * static_cast<double>(i) / 6.0);
      CHECK(values[position][2 * i] == Approx(std::sin(angle)).margin(1e-5));
      CHECK(values[position][2 * i + 1] == Approx(std::cos(angle)).margin(1e-5));
    }
  }
}
