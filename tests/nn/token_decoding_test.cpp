#include "nn/token_decoding.h"

#include "support/test.h"

using namespace arzoo;

namespace {

/// Likes the id behind the last one best.
class CountingStream : public nn::TokenStream {
 public:
  at::Tensor read(const at::Tensor& ids) override {
    const auto next = (ids.select(1, -1) + 1).remainder(6);
    return at::zeros({ids.size(0), 6}).scatter(1, next.unsqueeze(1), 3.0);
  }
};

/// Likes the ids as much whatever it reads.
class FixedStream : public nn::TokenStream {
 public:
  at::Tensor read(const at::Tensor& ids) override {
    return at::tensor({-1.0f, 1.0f, 3.0f}).expand({ids.size(0), 3}).clone();
  }
};

nn::DecodingRules greedy() {
  nn::DecodingRules rules;
  rules.sampling.temperature = 0.0;
  return rules;
}

std::vector<int64_t> decoded(nn::TokenStream&& stream, const nn::DecodingRules& rules, int64_t first,
                             int64_t steps) {
  nn::SeededRandomInputs random_inputs({7});
  const auto ids =
      nn::decode_tokens(stream, at::full({1, 1}, first, at::kLong), steps, rules, random_inputs)[0];
  return {ids.data_ptr<int64_t>(), ids.data_ptr<int64_t>() + ids.numel()};
}

using Ids = std::vector<int64_t>;

}  // namespace

TEST_CASE("decoding stops at an end, and never samples an id that the tokenizer does not have") {
  auto rules = greedy();
  CHECK(decoded(CountingStream(), rules, 1, 3) == Ids{1, 2, 3, 4});
  rules.ends = {3};
  CHECK(decoded(CountingStream(), rules, 1, 5) == Ids{1, 2, 3});
  rules.ends = {};
  rules.known = 3;
  for (const auto id : decoded(CountingStream(), rules, 1, 4)) CHECK(id < 3);
}

TEST_CASE("the repetition penalty lowers what a row has had, its prompt included") {
  auto rules = greedy();
  CHECK(decoded(FixedStream(), rules, 2, 3) == Ids{2, 2, 2, 2});
  rules.repetition_penalty = 4.0;  // 3 becomes 0.75, 1 becomes 0.25, -1 becomes -4
  CHECK(decoded(FixedStream(), rules, 0, 3) == Ids{0, 2, 1, 2});
  CHECK(decoded(FixedStream(), rules, 2, 3) == Ids{2, 1, 2, 2});
}

TEST_CASE("the repetition penalty counts the drafts on the way") {
  nn::DraftTree tree = nn::DraftTree::of_root(0);
  tree.add(1, tree.add(2, 0));
  auto logits = at::full({3, 4}, 2.0F);
  apply_rules(logits, tree, {3, 0}, {.repetition_penalty = 2.0, .known = 0});
  CHECK(at::equal(
      logits,
      at::tensor({1.0F, 2.0F, 2.0F, 1.0F, 1.0F, 2.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 1.0F}).view({3, 4})));
}

TEST_CASE("what decoding came to is counted by depth") {
  nn::DraftTree tree = nn::DraftTree::of_root(9);
  tree.add(1, 0);
  tree.add(2, 1);
  nn::AcceptedPath path;
  path.nodes = {0, 1};
  nn::DraftCounts counts, sum;
  counts.add(tree, path);
  sum.add(counts);
  sum.add(counts);
  CHECK(sum.passes == 2);
  CHECK(sum.tokens == 4);
  CHECK(sum.tokens_per_pass() == 2.0);
  CHECK(sum.offered == std::vector<int64_t>{2, 2});
  CHECK(sum.accepted == std::vector<int64_t>{2, 0});
}
