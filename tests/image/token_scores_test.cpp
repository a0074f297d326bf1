#include "image/token_scores.h"

#include "support/test.h"

using namespace arzoo;

TEST_CASE("token scores are means over all tokens, whatever the batches") {
  torch::manual_seed(5);
  const auto logits = at::randn({6, 5, 7});
  const auto targets = at::randint(7, {6, 5}, at::kLong);
  image::TokenScores whole(2), parts(2);
  whole.add(logits, targets);
  for (const auto& [first, count] : {std::pair{0, 1}, std::pair{1, 5}})
    parts.add(logits.narrow(0, first, count), targets.narrow(0, first, count));
  const auto metrics = whole.metrics(), same = parts.metrics();
  for (std::size_t i = 0; i < metrics.size(); ++i) CHECK(metrics[i].second == Approx(same[i].second));

  const auto tail = logits.narrow(1, 3, 2).reshape({12, 7});
  const auto tail_targets = targets.narrow(1, 3, 2).reshape({12});
  CHECK(metrics[1].first == "Lt");
  CHECK(metrics[1].second == Approx(at::cross_entropy_loss(tail, tail_targets).item<double>()));
  CHECK(metrics[3].first == "Acct");
  CHECK(metrics[3].second ==
        Approx(100.0 * tail.argmax(1).eq(tail_targets).to(at::kDouble).mean().item<double>()));
}
