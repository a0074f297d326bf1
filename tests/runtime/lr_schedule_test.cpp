#include "runtime/lr_schedule.h"

#include <cmath>

#include "support/test.h"

using namespace arzoo;
using runtime::learning_rate;
using runtime::TrainingOptions;

namespace {

constexpr int64_t kPerEpoch = 10;

TrainingOptions options_of(const std::string& lradj, double rate = 1e-4) {
  TrainingOptions options;
  options.lradj = lradj;
  options.learning_rate = rate;
  return options;
}

/// The rate at the first and the last step of epoch `epoch`, which must be the same.
double rate_of_epoch(const TrainingOptions& options, int64_t epoch) {
  const double first = learning_rate(options, (epoch - 1) * kPerEpoch, kPerEpoch, 1000);
  REQUIRE(learning_rate(options, epoch * kPerEpoch - 1, kPerEpoch, 1000) == first);
  return first;
}

}  // namespace

TEST_CASE("each epoch runs at the rate of the official table") {
  // The official loops adjust after an epoch, so epoch n runs at what epoch n - 1 has set.
  const auto [lradj, epoch, rate] = GENERATE(table<std::string, int64_t, double>({
      {"constant", 1, 1e-4}, {"constant", 9, 1e-4}, {"type1", 1, 1e-4},        {"type1", 2, 1e-4},
      {"type1", 3, 0.5e-4},  {"type1", 4, 0.25e-4}, {"type1", 10, 1e-4 / 256}, {"type2", 1, 1e-4},
      {"type2", 2, 1e-4},    {"type2", 3, 5e-5},    {"type2", 4, 5e-5},        {"type2", 5, 1e-5},
      {"type2", 7, 5e-6},    {"type2", 9, 1e-6},    {"type2", 11, 5e-7},       {"type2", 16, 1e-7},
      {"type2", 21, 5e-8},   {"type2", 90, 5e-8},   {"type3", 1, 1e-4},        {"type3", 3, 1e-4},
      {"type3", 4, 1e-4},    {"type3", 5, 0.9e-4},  {"type3", 6, 0.81e-4},
  }));
  INFO(lradj << ", epoch " << epoch);
  CHECK(rate_of_epoch(options_of(lradj), epoch) == Approx(rate).epsilon(1e-12));
}

TEST_CASE("type1 and type3 scale with the rate that was asked for, type2 is a table of rates") {
  CHECK(rate_of_epoch(options_of("type1", 1.0), 3) == Approx(0.5));
  CHECK(rate_of_epoch(options_of("type3", 1.0), 5) == Approx(0.9));
  CHECK(rate_of_epoch(options_of("type2", 1.0), 3) == Approx(5e-5));
}

TEST_CASE("cosine falls from the full rate to zero over the run") {
  const auto [step, share] = GENERATE(
      table<int64_t, double>({{0, 1.0}, {25, 0.5 + std::sqrt(0.125)}, {50, 0.5}, {100, 0.0}, {150, 0.0}}));
  CHECK(learning_rate(options_of("cosine", 2.0), step, kPerEpoch, 100) == Approx(2.0 * share).margin(1e-12));
}

TEST_CASE("cosine ends at the least rate that was asked for") {
  auto options = options_of("cosine", 2.0);
  options.min_learning_rate = 1.0;
  const auto [step, rate] = GENERATE(table<int64_t, double>({{0, 2.0}, {50, 1.5}, {100, 1.0}, {150, 1.0}}));
  CHECK(learning_rate(options, step, kPerEpoch, 100) == Approx(rate).epsilon(1e-12));
}

TEST_CASE("the warm-up rises in equal steps to the full rate, and the cosine starts behind it") {
  auto options = options_of("cosine", 1.0);
  options.warmup_steps = 4;
  const auto [step, rate] =
      GENERATE(table<int64_t, double>({{0, 0.25}, {1, 0.5}, {3, 1.0}, {4, 1.0}, {9, 0.5}, {14, 0.0}}));
  CHECK(learning_rate(options, step, kPerEpoch, 14) == Approx(rate).margin(1e-12));
}

TEST_CASE("VAR's schedules rise from their start, stay, and end where they should") {
  const auto [kind, flat_until] = GENERATE(
      table<std::string, int64_t>({{"lin0", 14}, {"lin", 23}, {"lin00", 10}, {"exp", 23}, {"cos", 10}}));
  INFO(kind);
  auto options = options_of(kind, 2.0);
  options.warmup_steps = 10;
  options.min_learning_rate = 0.02;
  const auto rate = [&](int64_t step) { return learning_rate(options, step, kPerEpoch, 101); };
  CHECK(rate(0) == Approx(2.0 * options.warmup_start));
  CHECK(rate(5) == Approx(2.0 * (options.warmup_start + (1.0 - options.warmup_start) * 0.5)));
  CHECK(rate(10) == Approx(2.0));
  CHECK(rate(flat_until) == Approx(2.0));
  CHECK(rate(flat_until + 2) < 2.0);
  CHECK(rate(100) == Approx(0.02));
  CHECK(rate(1000) == Approx(0.02));
}

TEST_CASE("a schedule of two lines bends where its name says") {
  runtime::Annealing annealing{.kind = "lin0.8", .warmup_steps = 0, .total_steps = 11, .end = 0.1};
  CHECK(runtime::annealed_share(annealing, 0) == Approx(1.0));
  CHECK(runtime::annealed_share(annealing, 8) == Approx((1.0 + 0.1 + 0.9 * 0.2) / 2));
  CHECK(runtime::annealed_share(annealing, 10) == Approx(0.1));
  annealing.kind = GENERATE(as<std::string>{}, "lin1.5", "lin0.8x", "line", "quadratic");
  CHECK_THROWS_AS(runtime::annealed_share(annealing, 3), ConfigError);
}

TEST_CASE("weight decay stays, or moves along half a cosine") {
  auto options = options_of("constant");
  options.weight_decay = 0.05;
  CHECK(runtime::weight_decay(options, 7, 11) == 0.05);
  options.final_weight_decay = 0.09;
  const auto [step, decay] = GENERATE(table<int64_t, double>({{0, 0.05}, {5, 0.07}, {10, 0.09}, {99, 0.09}}));
  CHECK(runtime::weight_decay(options, step, 11) == Approx(decay));
}

TEST_CASE("a run as long as its warm-up divides by nothing") {
  auto options = options_of("cosine", 1.0);
  options.warmup_steps = 5;
  CHECK(std::isfinite(learning_rate(options, 5, kPerEpoch, 5)));
  CHECK(std::isfinite(learning_rate(options_of("type1"), 5, 0, 5)));
}

TEST_CASE("one_cycle rises to the full rate and falls, Adam's first beta the other way round") {
  auto options = options_of("one_cycle", 1e-3);
  options.pct_start = 0.3;
  // torch.optim.lr_scheduler.OneCycleLR(max_lr=1e-3, total_steps=10, pct_start=0.3)
  const auto [step, rate, beta] = GENERATE(table<int64_t, double, double>({
      {0, 4e-5, 0.95},
      {1, 5.2e-4, 0.9},
      {2, 1e-3, 0.85},
      {9, 4e-9, 0.95},
      {12, 4e-9, 0.95},
  }));
  CHECK(learning_rate(options, step, 5, 10) == Approx(rate));
  CHECK(runtime::first_beta(options, step, 10) == Approx(beta));
  CHECK(runtime::first_beta(options_of("type1"), step, 10) == 0.9);
}

TEST_CASE("one_cycle of few steps, or with nothing to rise in, stays within its range") {
  auto options = options_of("one_cycle", 1e-3);
  options.pct_start = GENERATE(0.0, 0.3, 1.0);
  for (const int64_t total : {1, 2, 3}) {
    for (int64_t step = 0; step < total; ++step) {
      const double rate = learning_rate(options, step, 1, total);
      CHECK(rate > 0.0);
      CHECK(rate <= 1e-3 * (1 + 1e-12));
    }
  }
}

TEST_CASE("one_cycle has a warm-up of its own") {
  auto options = options_of("one_cycle");
  options.warmup_steps = 3;
  CHECK_THROWS_AS(options.check(), ConfigError);
}
