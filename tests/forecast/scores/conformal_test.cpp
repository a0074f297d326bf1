#include "forecast/scores/conformal.h"

#include <cmath>

#include "core/error.h"
#include "runtime/named_tensors.h"
#include "runtime/safetensors.h"
#include "support/test.h"

using namespace arzoo;
using forecast::ConformalScores;
using forecast::SeriesShape;

namespace {

/// n windows of one step and one variate whose residuals are 1, 2, …, n, shuffled.
ConformalScores scores_of(int64_t n) {
  torch::manual_seed(1);
  return ConformalScores::fit((at::randperm(n) + 1).to(at::kFloat).view({n, 1, 1}));
}

double half_width(const ConformalScores& scores, double level) {
  return scores.half_width(level, 1).item<double>();
}

}  // namespace

TEST_CASE("the half-width is the ceil((n + 1) p)-th smallest residual") {
  const auto n = GENERATE(int64_t{9}, int64_t{19}, int64_t{99}, int64_t{200}, int64_t{256});
  const auto scores = scores_of(n);
  for (int64_t level = 1; level < 100; ++level) {
    const int64_t rank = (level * (n + 1) + 99) / 100;
    INFO(n << " windows, level " << level);
    if (rank <= n) CHECK(half_width(scores, double(level)) == double(rank));
  }
}

TEST_CASE("high levels have ranks of their own, however many windows there are") {
  const auto n = GENERATE(int64_t{999}, int64_t{2785}, int64_t{5000});
  const auto scores = scores_of(n);
  for (const double level : {99.0, 99.5, 99.6, 99.8, 99.9}) {
    INFO(n << " windows, level " << level);
    CHECK(half_width(scores, level) == std::ceil(level / 100 * double(n + 1) - 1e-9));
  }
}

TEST_CASE("a level that too few windows calibrate is refused with the numbers") {
  const auto scores = scores_of(27);
  CHECK(scores.highest_level() == Approx(100.0 * 27 / 28));
  CHECK(half_width(scores, 96) == 27.0);
  CHECK_THROWS_WITH(
      scores.half_width(99.9, 1),
      "--level 99.9: 27 calibration windows are too few, expected 999 (ask for at most 96.42, or "
      "train with a longer validation split)");
  CHECK_THROWS_AS(scores_of(18).half_width(95, 1), UsageError);
  CHECK(half_width(scores_of(19), 95) == 19.0);
}

TEST_CASE("past the room for all residuals the largest are exact and no level covers less") {
  // So wide that 600 windows do not fit: 512 are stored, the 256 largest of them next to each other.
  constexpr int64_t kWindows = 600, kCells = ConformalScores::kMostValues / 512;
  const auto one = (at::randperm(kWindows) + 1).to(at::kFloat).view({kWindows, 1, 1});
  const auto scores = ConformalScores::fit(one.expand({kWindows, 1, kCells}));
  CHECK(scores.residuals().size(0) == 512);
  for (double level = 1; level < 99.8; level += 0.7) {
    const double exact = std::ceil(level / 100 * double(kWindows + 1) - 1e-9),
                 width = scores.half_width(level, 1)[0][0].item<double>();
    INFO("level " << level);
    CHECK(width >= exact);
    CHECK(width <= exact + (exact <= double(kWindows - 256) ? 1 : 0));
  }
}

TEST_CASE("a cell's residuals are counted where it was measured") {
  auto residuals = (at::arange(40) + 1).to(at::kFloat).view({40, 1, 1}).repeat({1, 1, 2});
  residuals.select(2, 1).narrow(0, 20, 20).fill_(NAN);
  const auto scores = ConformalScores::fit(residuals);
  const auto width = scores.half_width(80, 1);
  CHECK(width[0][0].item<double>() == 33.0);  // of 40: the ceil(41 * 0.8)-th
  CHECK(width[0][1].item<double>() == 17.0);  // of 20: the ceil(21 * 0.8)-th
  CHECK(scores.windows() == 20);
  CHECK_THROWS_AS(scores.half_width(97, 1), UsageError);
}

TEST_CASE("intervals are read as they were written, and refused otherwise") {
  const test::TempDir temp;
  const auto file = temp / "conformal.safetensors";
  const auto scores = ConformalScores::fit(at::randn({40, 4, 2}));
  scores.save(file);
  const forecast::SeriesShape shape{.pred_len = 4, .enc_in = 2, .c_out = 2};
  CHECK(at::equal(ConformalScores::open(file, shape).half_width(80, 4), scores.half_width(80, 4)));
  CHECK_THROWS_AS(ConformalScores::open(file, forecast::SeriesShape{.pred_len = 3, .enc_in = 2, .c_out = 2}),
                  CheckpointError);
  runtime::write_safetensors(file, {{"ranks", at::ones({5, 4, 2})}});
  CHECK_THROWS_WITH(ConformalScores::open(file, shape), ContainsSubstring("no tensor \"places\""));
  const auto places = GENERATE(std::vector<int64_t>{2, 3}, std::vector<int64_t>{1, 1});
  runtime::write_safetensors(file, {{"residuals", at::ones({2, 4, 2})},
                                    {"places", at::tensor(places, at::kLong)},
                                    {"counts", at::full({4, 2}, 9, at::kLong)}});
  CHECK_THROWS_WITH(ConformalScores::open(file, shape), ContainsSubstring("ascending"));
}

TEST_CASE("intervals of exchangeable data cover at least their level, and not much more") {
  const auto [n, level] =
      GENERATE(table<int64_t, double>({{20, 80}, {50, 90}, {99, 50}, {400, 95}, {1000, 80}}));
  torch::manual_seed(2);
  // Each variate is a trial of its own: n calibration windows and one new one, heavy tails included.
  constexpr int64_t kTrials = 20000;
  const auto residuals = at::randn({n + 1, 1, kTrials}).pow(3);
  const auto scores = ConformalScores::fit(residuals.narrow(0, 0, n));
  const auto covered =
      residuals[n].abs().le(scores.half_width(level, 1)).to(at::kFloat).mean().item<double>();
  const double noise = 4 * std::sqrt(level / 100 * (1 - level / 100) / kTrials);
  INFO(n << " windows, level " << level);
  CHECK(covered >= level / 100 - noise);
  CHECK(covered <= level / 100 + 1.0 / double(n + 1) + noise);
}

TEST_CASE("the half-width grows with the level, for each step and variate on its own") {
  torch::manual_seed(3);
  const auto scores = ConformalScores::fit(at::randn({300, 4, 3}) * at::arange(1, 4));
  auto before = at::zeros({4, 3});
  for (double level = 1; level < 100; level += 1.5) {
    const auto width = scores.half_width(level, 4);
    REQUIRE(width.sizes() == at::IntArrayRef({4, 3}));
    CHECK(width.ge(before).all().item<bool>());
    before = width;
  }
  CHECK(before.select(1, 2).gt(before.select(1, 0)).all().item<bool>());
}

TEST_CASE("the sign of a residual does not matter") {
  const auto residuals = at::randn({30, 2, 2});
  CHECK(at::equal(ConformalScores::fit(residuals).residuals(), ConformalScores::fit(-residuals).residuals()));
}

TEST_CASE("a shorter horizon takes the first steps, a longer one widens as the root of the lead time") {
  const auto scores = ConformalScores::fit(at::rand({50, 4, 2}) + 0.5);
  const auto measured = scores.half_width(80, 4);
  CHECK(at::equal(scores.half_width(80, 2), measured.narrow(0, 0, 2)));
  const auto longer = scores.half_width(80, 16);
  REQUIRE(longer.sizes() == at::IntArrayRef({16, 2}));
  CHECK(at::equal(longer.narrow(0, 0, 4), measured));
  CHECK(at::allclose(longer[15], measured[3] * 2.0));  // four times the measured lead time
}

TEST_CASE("without windows there are no scores") {
  CHECK(ConformalScores().empty());
  CHECK(ConformalScores::fit(at::zeros({0, 4, 2})).empty());
  CHECK_FALSE(scores_of(1).empty());
}

TEST_CASE("the lag-1 autocorrelation of residuals is theirs, by variate and with gaps") {
  torch::manual_seed(4);
  constexpr int64_t kWindows = 4000, kSteps = 6;
  auto residuals = at::randn({kWindows, kSteps, 2}, at::kDouble);
  for (int64_t step = 1; step < kSteps; ++step) {
    // Variate 0 remembers 0.7 of the step before.
    const auto now = residuals.select(1, step).select(1, 0),
               before = residuals.select(1, step - 1).select(1, 0);
    now.copy_(now * std::sqrt(1 - 0.49) + before * 0.7);
  }
  // Errors grow with the lead time, which is no dependence, and some cells were not measured.
  residuals.mul_(at::arange(1, kSteps + 1, at::kDouble).view({1, kSteps, 1}));
  residuals.masked_fill_(at::rand({kWindows, kSteps, 2}) < 0.1, NAN);
  const auto lag = ConformalScores::fit(residuals).autocorrelation();
  CHECK(lag[0].item<double>() == Approx(0.7).margin(0.03));
  CHECK(lag[1].item<double>() == Approx(0.0).margin(0.03));
  CHECK(ConformalScores::fit(at::ones({9, 1, 1})).autocorrelation().item<double>() == 0.0);
}

TEST_CASE("scores come back from their file, autocorrelation included") {
  const test::TempDir temp;
  const auto scores = ConformalScores::fit(at::randn({30, 3, 2}));
  scores.save(temp / "conformal.safetensors");
  const auto opened =
      ConformalScores::open(temp / "conformal.safetensors", {.pred_len = 3, .enc_in = 2, .c_out = 2});
  CHECK(at::equal(opened.residuals(), scores.residuals()));
  CHECK(at::equal(opened.autocorrelation(), scores.autocorrelation()));
  // A file of an earlier version has none, and one that is none of such numbers is refused.
  auto entries = runtime::open_tensors(temp / "conformal.safetensors").entries();
  std::erase_if(entries, [](const auto& entry) { return entry.first == "autocorrelation"; });
  runtime::write_safetensors(temp / "older.safetensors", entries, {});
  const SeriesShape shape{.pred_len = 3, .enc_in = 2, .c_out = 2};
  CHECK_FALSE(ConformalScores::open(temp / "older.safetensors", shape).autocorrelation().defined());
  entries.emplace_back("autocorrelation", at::ones({2}, at::kDouble));
  runtime::write_safetensors(temp / "wrong.safetensors", entries, {});
  CHECK_THROWS_WITH(ConformalScores::open(temp / "wrong.safetensors", shape),
                    ContainsSubstring("autocorrelation: expected c_out 2 doubles between -1 and 1"));
}

TEST_CASE("the p-value of a residual is its rank among those of the calibration windows") {
  const forecast::ConformalPValues p_values(scores_of(99));
  const auto residuals =
      at::tensor({-200.0, 99.0, 99.5, 98.5, -1.0, 0.5, std::nan("")}, at::kDouble).view({-1, 1, 1});
  const auto p = p_values.of(residuals).flatten();
  const std::vector<double> expected{0.01, 0.02, 0.01, 0.02, 1.0, 1.0};
  for (std::size_t i = 0; i < expected.size(); ++i)
    CHECK(p[static_cast<int64_t>(i)].item<double>() == Approx(expected[i]));
  CHECK(std::isnan(p[6].item<double>()));
}

TEST_CASE("a p-value is below the level exactly where the residual leaves the interval") {
  torch::manual_seed(3);
  const auto scores = ConformalScores::fit(at::randn({200, 3, 2}));
  const forecast::ConformalPValues p_values(scores);
  const auto fresh = at::randn({50, 3, 2}).to(at::kDouble);
  for (const double level : {50.0, 80.0, 95.0}) {
    const auto outside = fresh.abs().gt(scores.half_width(level, 3).to(at::kDouble));
    CHECK(p_values.of(fresh).le(1.0 - level / 100.0 + 1e-12).equal(outside));
  }
}

TEST_CASE("where not all residuals were stored, a p-value is never too small") {
  const int64_t windows = 3 * (ConformalScores::kMostValues / 4096);
  torch::manual_seed(4);
  const auto all = at::rand({windows, 64, 64});
  const auto scores = ConformalScores::fit(all);
  REQUIRE(scores.places().size(0) < windows);
  const auto fresh = at::rand({1, 64, 64}).to(at::kDouble);
  const auto exact =
      (all.ge(fresh.to(at::kFloat)).sum(0) + 1).to(at::kDouble) / static_cast<double>(windows + 1);
  const auto p = forecast::ConformalPValues(scores).of(fresh).squeeze(0);
  CHECK(p.ge(exact - 1e-12).all().item<bool>());
  CHECK((p - exact).max().item<double>() < 0.01);
}

TEST_CASE("the variates of a model of single series are ranked among the same residuals") {
  const forecast::ConformalPValues p_values(scores_of(99));
  const auto residuals = at::tensor({99.0, 50.0, 1.0, 2.0, 98.0, 97.0}, at::kDouble).view({2, 1, 3});
  const auto together = p_values.of(residuals);
  REQUIRE(together.sizes() == at::IntArrayRef({2, 1, 3}));
  for (int64_t c = 0; c < 3; ++c)
    CHECK(together.narrow(2, c, 1).equal(p_values.of(residuals.narrow(2, c, 1))));
}
