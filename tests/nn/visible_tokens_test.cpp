#include "nn/visible_tokens.h"

#include "nn/seeded_noise.h"
#include "support/test.h"

using namespace arzoo;

TEST_CASE("every sample keeps exactly as many tokens as asked for, in their own order") {
  torch::manual_seed(1);
  const auto kept_count = GENERATE(int64_t{0}, int64_t{1}, int64_t{5}, int64_t{20});
  const auto kept = nn::keep_first_of(nn::random_orders(7, 20), kept_count);
  CHECK(kept.index.sizes() == at::IntArrayRef({7, kept_count}));
  CHECK(at::equal(kept.index.narrow(1, 0, kept_count), std::get<0>(kept.index.sort(1))));
  CHECK(at::equal(kept.masked().sum(1), at::full({7}, 20 - kept_count, at::kLong)));
}

TEST_CASE("each token is visible as often as any other") {
  torch::manual_seed(2);
  const auto kept = nn::keep_first_of(nn::random_orders(20'000, 8), 2);
  const auto share = 1.0 - kept.masked().to(at::kDouble).mean(0);
  CHECK(at::allclose(share, at::full({8}, 0.25, at::kDouble), 0, 0.015));
}

TEST_CASE("a seed repeats the orders, samples differ") {
  const auto sample = [](uint64_t seed) {
    torch::manual_seed(seed);
    return nn::random_orders(4, 30);
  };
  CHECK(at::equal(sample(3), sample(3)));
  CHECK_FALSE(at::equal(sample(3), sample(4)));
  CHECK_FALSE(at::equal(sample(3)[0], sample(3)[1]));
}

TEST_CASE("visible tokens come back to their places, the mask token fills the others") {
  torch::manual_seed(5);
  const auto x = at::randn({3, 10, 4}), token = at::full({1, 1, 4}, 9.0);
  const auto kept = nn::keep_first_of(nn::random_orders(3, 10), 4);
  const auto visible = nn::visible_tokens(x, kept);
  CHECK(visible.sizes() == at::IntArrayRef({3, 4, 4}));
  const auto restored = nn::restored_tokens(visible, token, kept), masked = kept.masked().unsqueeze(-1);
  CHECK(at::equal(restored, at::where(masked, token, x)));
}

TEST_CASE("gradients reach visible tokens once and the mask token for each place it fills") {
  torch::manual_seed(6);
  const auto x = torch::randn({3, 10, 4}, at::requires_grad()),
             token = torch::zeros({1, 1, 4}, at::requires_grad());
  const auto kept = nn::keep_first_of(nn::random_orders(3, 10), 4);
  nn::restored_tokens(nn::visible_tokens(x, kept), token, kept).sum().backward();
  CHECK(at::equal(x.grad(), kept.masked().logical_not().unsqueeze(-1).to(at::kFloat).expand_as(x)));
  CHECK(at::equal(token.grad(), at::full({1, 1, 4}, 3.0 * 6.0)));
}

TEST_CASE("keeping the beginning masks the end") {
  const auto kept = nn::keep_beginning(2, 5, 3);
  CHECK(at::equal(kept.masked(), at::tensor({0, 0, 0, 1, 1}).to(at::kBool).expand({2, 5})));
}
