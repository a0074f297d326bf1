#include "forecast/data/row_groups.h"

#include "forecast/layers/t5_layers.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::forecast;

namespace {

constexpr T5Sizes kSizes{12, 4, 16, 3, 0.0, 1e-6, kernels::Activation::relu};

std::shared_ptr<T5Attention> random_attention() {
  torch::manual_seed(5);
  auto attention = std::make_shared<T5Attention>(kSizes);
  attention->initialise(3.0);
  attention->eval();
  return attention;
}

/// The official way: all pairs of rows, with a mask.
at::Tensor over_all_pairs(const T5Attention& attention, const at::Tensor& x, const at::Tensor& groups,
                          const at::Tensor& mask) {
  const auto by_token = [](const at::Tensor& heads) { return heads.permute({2, 1, 0, 3}); };  // [S, H, B, E]
  const auto same = groups.unsqueeze(0).eq(groups.unsqueeze(1)).unsqueeze(0);                 // [1, B, B]
  const auto allowed = same.logical_and(mask.t().unsqueeze(1)).unsqueeze(1);                  // [S, 1, B, B]
  const auto bias =
      at::zeros(allowed.sizes()).masked_fill(allowed.logical_not(), std::numeric_limits<float>::lowest());
  const auto scores =
      at::matmul(by_token(attention.queries(x)), by_token(attention.keys(x)).transpose(-2, -1));
  const auto mixed = at::matmul(at::softmax(scores + bias, -1), by_token(attention.values(x)));
  return attention.output(mixed.permute({2, 1, 0, 3}));
}

}  // namespace

TEST_CASE("attention within groups is attention over all rows with a mask, whatever the groups' sizes") {
  const c10::InferenceMode inference;
  const auto owned = random_attention();
  const auto& attention = *owned;
  const auto ids = GENERATE(values<std::vector<int64_t>>({{0, 1, 2, 3, 4, 5},
                                                          {7, 7, 7, 7, 7, 7},
                                                          {3, 1, 3, 1, 3, 2},
                                                          {0, 0, 1, 1, 2, 2},
                                                          {5, -2, -2, 5, 9, 9}}));
  const auto groups = at::tensor(ids, at::kLong);
  const auto x = at::randn({6, 5, 12});
  const auto all = at::ones({6, 5}, at::kBool);
  CHECK(at::allclose(RowGroups(groups).attend(attention, x, {}), over_all_pairs(attention, x, groups, all),
                     1e-5, 1e-5));
  auto mask = all.clone();
  mask[0].narrow(0, 0, 3).fill_(false);
  mask[3].narrow(0, 0, 2).fill_(false);
  mask[5].narrow(0, 0, 1).fill_(false);
  CHECK(at::allclose(RowGroups(groups).attend(attention, x, mask), over_all_pairs(attention, x, groups, mask),
                     1e-5, 1e-5));
}

TEST_CASE("rows are cut between groups, into parts as large as may be") {
  using Numbers = std::vector<int64_t>;
  const auto [ids, most, expected] = GENERATE(table<Numbers, int64_t, Numbers>({
      {{0, 1, 2, 3, 4}, 2, {2, 4, 5}},
      {{0, 1, 2, 3}, 9, {4}},
      {{0, 1, 2}, 0, {1, 2, 3}},           // a row that alone is too large
      {{0, 0, 0, 1, 2, 2}, 2, {3, 4, 6}},  // a group that is
      {{0, 0, 0, 1, 2, 2}, 4, {4, 6}},
      {{5, 7, 5, 7, 1, 1}, 3, {4, 6}},  // two that lie inside one another
      {{4, 4, 4, 4}, 1, {4}},
  }));
  CHECK(ends_of_parts(at::tensor(ids, at::kLong), static_cast<int64_t>(ids.size()), most) == expected);
}

TEST_CASE("rows without groups are cut anywhere, no rows not at all") {
  CHECK(ends_of_parts({}, 5, 2) == std::vector<int64_t>{2, 4, 5});
  CHECK(ends_of_parts({}, 0, 2).empty());
}
