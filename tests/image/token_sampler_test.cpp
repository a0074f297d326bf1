#include "image/token_sampler.h"

#include <cmath>

#include "support/test.h"

using namespace arzoo;
using image::keep_likely;
using image::keep_likely_by_sorting;
using image::SeededRandomInputs;

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
    keep_likely(kept, {.top_k = top_k, .top_p = top_p, .temperature = 1.0});
    CHECK(at::equal(kept, official(logits, top_k, top_p)));
    auto sorted = logits.clone();
    keep_likely_by_sorting(sorted, {.top_k = top_k, .top_p = top_p, .temperature = 1.0});
    CHECK(at::equal(sorted, kept));
  }
}

TEST_CASE("the temperature divides what the filters left") {
  auto logits = at::tensor({1.0F, 3.0F, 2.0F});
  keep_likely(logits, {.top_k = 2, .top_p = 0.0, .temperature = 2.0});
  CHECK(std::isinf(logits[0].item<float>()));
  CHECK(logits[1].item<float>() == 1.5F);
  CHECK(logits[2].item<float>() == 1.0F);
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
