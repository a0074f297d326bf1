#include "nn/token_sampler.h"

#include <cmath>

#include "support/test.h"

using namespace arzoo;
using nn::filter_logits;
using nn::filter_logits_by_sorting;
using nn::SeededRandomInputs;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// As the official code does it, with a sort.
at::Tensor official(at::Tensor logits, int64_t top_k, double top_p) {
  if (top_k > 0) {
    const auto least = std::get<0>(logits.topk(top_k)).min();
    logits = logits.masked_fill(logits.lt(least), -kInfinity);
  }
  if (top_p > 0.0) {
    const auto [sorted, order] = logits.sort(/*stable=*/true, -1, /*descending=*/false);
    auto removed = sorted.softmax(-1).cumsum(-1).le(1.0 - top_p);
    removed[removed.numel() - 1] = false;
    logits = logits.masked_fill(at::zeros_like(removed).scatter(-1, order, removed), -kInfinity);
  }
  return logits;
}

}  // namespace

TEST_CASE("the likely codes are those of the official filter, ties included") {
  const auto [top_k, top_p] = GENERATE(table<int64_t, double>(
      {{0, 0.0}, {1, 0.0}, {5, 0.0}, {40, 0.0}, {0, 0.3}, {0, 0.95}, {7, 0.5}, {1, 0.0001}}));
  torch::manual_seed(3);
  for (int trial = 0; trial < 20; ++trial) {
    // Few distinct values, so that many are equal.
    const auto logits = at::randint(-4, 5, {40}).to(at::kFloat);
    auto kept = logits.clone();
    filter_logits(kept, {.top_k = top_k, .top_p = top_p, .temperature = 1.0});
    CHECK(at::equal(kept, official(logits, top_k, top_p)));
    auto sorted = logits.clone();
    filter_logits_by_sorting(sorted, {.top_k = top_k, .top_p = top_p, .temperature = 1.0});
    CHECK(at::equal(sorted, kept));
  }
}

TEST_CASE("the temperature divides what the filters left") {
  auto logits = at::tensor({1.0F, 3.0F, 2.0F});
  filter_logits(logits, {.top_k = 2, .top_p = 0.0, .temperature = 2.0});
  CHECK(std::isinf(logits[0].item<float>()));
  CHECK(logits[1].item<float>() == 1.5F);
  CHECK(logits[2].item<float>() == 1.0F);
}

TEST_CASE("top_p from above keeps the code at which the sum passes the border, whatever comes after") {
  const double top_p = GENERATE(0.0001, 0.3, 0.5, 0.95, 1.0);
  torch::manual_seed(4);
  for (int trial = 0; trial < 20; ++trial) {
    const auto logits = at::randn({40});
    const auto [sorted, codes] = logits.sort(0, /*descending=*/true);
    const auto shares = sorted.softmax(-1, at::kDouble), before = shares.cumsum(-1) - shares;
    auto expected = logits.clone();
    for (int64_t i = 1; i < 40; ++i) {
      if (before[i].item<double>() > top_p) expected[codes[i].item<int64_t>()] = -kInfinity;
    }
    const nn::TokenSampling sampling{.top_p = top_p, .rules = nn::kTemperatureFirst};
    auto kept = logits.clone(), by_sorting = logits.clone();
    filter_logits(kept, sampling);
    filter_logits_by_sorting(by_sorting, sampling);
    CHECK(at::equal(kept, expected));
    CHECK(at::equal(by_sorting, expected));
  }
}

TEST_CASE("a temperature before top_p changes which codes are kept, one behind it does not") {
  // Probabilities 0.7, 0.2, 0.1; flattened by a high temperature they are nearly equal.
  const auto logits = at::tensor({0.7, 0.2, 0.1}).log().to(at::kFloat);
  const auto kept_with = [&](const nn::FilterRules& rules) {
    auto kept = logits.clone();
    filter_logits(kept, {.top_p = 0.6, .temperature = 50.0, .rules = rules});
    return kept.isfinite().sum().item<int64_t>();
  };
  CHECK(kept_with(nn::kTemperatureLast) == 1);
  CHECK(kept_with(nn::kTemperatureFirst) == 2);
}

TEST_CASE("without a temperature the most likely code alone is left, of equal ones the first") {
  for (const auto& rules : {nn::kTemperatureLast, nn::kTemperatureFirst}) {
    auto logits = at::tensor({1.0F, 3.0F, 3.0F, 2.0F, 5.0F, 1.0F, 1.0F, 1.0F}).view({2, 4});
    auto sorted = logits.clone();
    filter_logits(logits, {.top_k = 3, .temperature = 0.0, .rules = rules});
    filter_logits_by_sorting(sorted, {.top_k = 3, .temperature = 0.0, .rules = rules});
    const auto expected = at::tensor({0, 1, 0, 0, 1, 0, 0, 0}).view({2, 4}).to(at::kBool);
    CHECK(at::equal(logits.isfinite(), expected));
    CHECK(at::equal(sorted, logits));
  }
}

TEST_CASE("guidance goes from the unconditional logits through the conditional ones and beyond") {
  const auto c = at::randn({2, 5}), u = at::randn({2, 5});
  CHECK(at::allclose(nn::guided(c, u, 1.0), c));
  CHECK(at::equal(nn::guided(c, u, 0.0), u));
  CHECK(at::allclose(nn::guided(c, u, 2.5), nn::guided_beyond(c, u, 1.5), 1e-5, 1e-5));
  CHECK(at::equal(nn::guided_beyond(c, u, at::full({1}, 1.5)), nn::guided_beyond(c, u, 1.5)));
}

TEST_CASE("codes come as often as their probability says, and never when they are ruled out") {
  const auto p = at::tensor({0.1, 0.0, 0.6, 0.3}).to(at::kFloat);
  const int64_t random_inputs_count = 40000;
  SeededRandomInputs random_inputs({11});
  const auto ids = random_inputs.pick(p.log().expand({1, random_inputs_count, 4}).contiguous(), 0);
  const auto share =
      at::bincount(ids.view(-1), {}, 4).to(at::kFloat) / static_cast<double>(random_inputs_count);
  CHECK(share[1].item<float>() == 0.0F);
  CHECK((share - p).abs().max().item<float>() < 0.01F);
}

TEST_CASE("exponential samples have mean and variance one") {
  SeededRandomInputs random_inputs({5, 6});
  const auto e = random_inputs.exponentials(at::zeros({2, 100, 100}), 0);
  CHECK(e.min().item<float>() > 0.0F);
  CHECK(e.mean().item<float>() == Approx(1.0F).margin(0.03));
  CHECK(e.var().item<float>() == Approx(1.0F).margin(0.06));
  CHECK_FALSE(at::equal(e[0], e[1]));
}

TEST_CASE("a token's sample depends on its place, not on the tokens sampled with it") {
  const auto logits = at::randn({1, 8, 16});
  SeededRandomInputs random_inputs({3});
  const auto all = random_inputs.pick(logits, 4);
  CHECK(at::equal(all.narrow(1, 5, 3), random_inputs.pick(logits.narrow(1, 5, 3).contiguous(), 9)));
}

TEST_CASE("codes by running sums are those of the loop, also beside codes that may not be sampled") {
  torch::manual_seed(12);
  auto logits = at::randn({3, 50, 33}) * 3.0;
  filter_logits(logits, {.top_k = 9});
  const auto uniform = at::rand({3, 50}, at::kDouble);
  const auto loop = nn::pick_codes(logits, uniform), sums = nn::pick_codes_by_sums(logits, uniform);
  CHECK(at::equal(sums, loop));
  CHECK((logits.gather(2, sums.unsqueeze(2)) > -kInfinity).all().item<bool>());
  // At both ends: the first code that may be sampled, and the last.
  const auto ends = at::tensor({1e-17, 1.0 - 0x1.0p-54}, at::kDouble);
  const auto row = at::tensor({-INFINITY, 1.0F, 2.0F, -INFINITY}).expand({2, 4}).contiguous();
  CHECK(at::equal(nn::pick_codes_by_sums(row, ends), at::tensor({1, 2}, at::kLong)));
}
