#include "forecast/scores/leaderboard.h"

#include <cmath>

#include "core/error.h"
#include "core/json.h"
#include "support/test.h"

using namespace arzoo;
using forecast::leaderboard;

TEST_CASE("skill is one less the geometric mean of relative errors, a win a smaller error") {
  const auto found =
      leaderboard({{"naive", {2.0, 4.0, 1.0}}, {"good", {1.0, 1.0, 1.0}}, {"bad", {4.0, 8.0, 2.0}}}, "naive");
  REQUIRE(found.size() == 3);
  CHECK(found[0].model == "good");
  CHECK(found[0].skill.value == Approx(1.0 - std::cbrt(0.5 * 0.25 * 1.0)));
  CHECK(found[0].win_rate.value == Approx((1.0 + 1.0 + 0.75) / 3));
  CHECK(found[0].mean_error == Approx(1.0));
  CHECK(found[1].model == "naive");
  CHECK(found[1].skill.value == 0.0);
  CHECK(found[2].skill.value == Approx(-1.0));
  CHECK(found[2].win_rate.value == 0.0);
  for (const auto& standing : found) {
    CHECK(standing.skill.low <= standing.skill.value);
    CHECK(standing.skill.high >= standing.skill.value);
  }
  CHECK(found[0].skill.high < 0.76);
  CHECK(found[0].skill.low >= 0.0);
}

TEST_CASE("ratios are clipped, tasks without an error or a scale do not count") {
  const double none = std::nan("");
  const auto found = leaderboard({{"naive", {1.0, 0.0, 1.0}}, {"model", {1e9, 5.0, none}}}, "naive");
  CHECK(found[1].model == "model");
  CHECK(found[1].skill.value == Approx(-99.0));
  CHECK(found[1].mean_error == Approx((1e9 + 5.0) / 2));
  const auto one = leaderboard({{"naive", {1.0}}, {"model", {0.5}}}, "naive");
  CHECK(one[0].skill.value == Approx(0.5));
  CHECK(std::isnan(one[0].skill.low));
  CHECK(forecast::leaderboard_json(one)[0].at("skill_low").is_null());
  CHECK(leaderboard({{"naive", {none}}}, "naive")[0].model == "naive");
  CHECK_THROWS_AS(leaderboard({{"naive", {1.0}}}, "other"), UsageError);
}

TEST_CASE("the bounds cover the truth about as often as they say") {
  // Relative errors of exp(N(0, 0.3)) have a skill of 0.
  int covered = 0;
  torch::manual_seed(5);
  for (int trial = 0; trial < 40; ++trial) {
    const auto ratios = (0.3 * at::randn({30}, at::kDouble)).exp();
    std::vector<double> errors(ratios.const_data_ptr<double>(), ratios.const_data_ptr<double>() + 30);
    const auto found = leaderboard({{"naive", std::vector<double>(30, 1.0)}, {"model", errors}}, "naive");
    const auto& skill = found[found[0].model == "model" ? 0 : 1].skill;
    covered += skill.low <= 0.0 && skill.high >= 0.0 ? 1 : 0;
  }
  CHECK(covered >= 33);
}
