#include "runtime/nelder_mead.h"

#include "support/test.h"

using namespace arzoo;

TEST_CASE("the minimum of Rosenbrock's valley is found") {
  const auto valley = [](const std::vector<double>& at) {
    return 100.0 * std::pow(at[1] - at[0] * at[0], 2) + std::pow(1.0 - at[0], 2);
  };
  const auto found =
      runtime::nelder_mead(valley, {-1.2, 1.0}, {0.5, 0.5}, {.most_evaluations = 2000, .tolerance = 1e-14});
  CHECK(found.at[0] == Approx(1.0).epsilon(1e-4));
  CHECK(found.at[1] == Approx(1.0).epsilon(1e-4));
  CHECK(found.value < 1e-8);
}

TEST_CASE("regions without a value are avoided, and a search ends in time") {
  int evaluations = 0;
  const auto found = runtime::nelder_mead(
      [&](const std::vector<double>& at) {
        ++evaluations;
        return at[0] < 2.0 ? std::nan("") : at[0];
      },
      {5.0}, {1.0}, {.most_evaluations = 100});
  CHECK(found.at[0] == Approx(2.0).epsilon(1e-3));
  CHECK(evaluations <= 110);
}
