#include "nn/position_table.h"

#include "support/test.h"

using namespace arzoo;

TEST_CASE("positions are sines and cosines of falling frequency") {
  const auto table = nn::position_table(50, 6);
  REQUIRE(table.sizes() == at::IntArrayRef({50, 6}));
  for (const int64_t p : {0, 1, 49}) {
    for (int64_t i = 0; i < 3; ++i) {
      const double angle = double(p) * std::pow(10000.0, -2.0 * double(i) / 6.0);
      CHECK(table[p][2 * i].item<double>() == Approx(std::sin(angle)).margin(1e-5));
      CHECK(table[p][2 * i + 1].item<double>() == Approx(std::cos(angle)).margin(1e-5));
    }
  }
}

TEST_CASE("a longer table begins with the shorter one") {
  CHECK(at::equal(nn::position_table(100, 8).narrow(0, 0, 30), nn::position_table(30, 8)));
}
