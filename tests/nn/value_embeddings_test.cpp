#include "nn/value_embeddings.h"

#include "support/tensors.h"

using namespace arzoo;
using namespace arzoo::nn;
using test::worst;

namespace {

constexpr int64_t kMixRows = 2, kMixTokens = 5, kMixHeads = 3, kMixWidth = 4, kMixSlots = 2;

double gate_of(const at::Tensor& raw) { return 2.0 / (1.0 + std::exp(-raw.item<double>())); }

}  // namespace

TEST_CASE("a value is mixed with its token's rows head by head") {
  torch::manual_seed(1);
  const auto v = at::randn({kMixRows, kMixHeads, kMixTokens, kMixWidth}),
             rows = at::randn({kMixRows, kMixTokens, kMixSlots, kMixHeads, kMixWidth});
  const bool of_each_layer = GENERATE(false, true);
  const int64_t own = of_each_layer ? 0 : 1, slots = of_each_layer ? 1 : kMixSlots, per_head = own + slots;
  const auto gates = at::randn({kMixRows, kMixTokens, kMixHeads * per_head});
  const auto used = rows.narrow(2, 0, slots);
  const auto mixed = with_value_embeddings(v, gates, used);
  for (int64_t b = 0; b < kMixRows; ++b) {
    for (int64_t t = 0; t < kMixTokens; ++t) {
      for (int64_t h = 0; h < kMixHeads; ++h) {
        auto expected = v[b][h][t] * (own == 1 ? gate_of(gates[b][t][h * per_head]) : 1.0);
        for (int64_t m = 0; m < slots; ++m)
          expected = expected + used[b][t][m][h] * gate_of(gates[b][t][h * per_head + own + m]);
        CHECK(worst(mixed[b][h][t], expected) < 1e-5);
      }
    }
  }
  const auto zeros = at::zeros_like(used);
  CHECK(worst(with_value_embeddings(v, gates, {}), with_value_embeddings(v, gates, zeros)) < 1e-6);
}

TEST_CASE("tables of values belong to all layers or to each, and places without a token have rows of 0") {
  torch::nn::Module owner;
  const auto kind = GENERATE(as<std::string>{}, "none", "move", "lave");
  ValueMemoryOptions options{.kind = kind};
  if (kind == "move") options.slots = kMixSlots;
  const ValueTables tables(owner, options, /*layers=*/3, /*vocabulary=*/7, kMixHeads, kMixWidth);
  CHECK(tables.tables().size() == (kind == "none" ? 0 : kind == "move" ? 1 : 3));
  const torch::NoGradGuard no_grad;
  for (auto table : tables.tables()) table.normal_();
  const auto rows = tables.rows(at::randint(7, {kMixRows, kMixTokens}, at::kLong), /*before=*/2);
  REQUIRE(rows.size() == tables.tables().size());
  for (const auto& one : rows) {
    CHECK(one.sizes() ==
          at::IntArrayRef({kMixRows, 2 + kMixTokens, kind == "move" ? kMixSlots : 1, kMixHeads, kMixWidth}));
    CHECK(one.narrow(1, 0, 2).count_nonzero().item<int64_t>() == 0);
  }
}

TEST_CASE("a bank has half as many slots as layers when none are given, and slots go with a bank alone") {
  CHECK(ValueMemoryOptions{.kind = "move"}.rows(12) == 6);
  CHECK(ValueMemoryOptions{.kind = "move"}.rows(1) == 1);
  CHECK(ValueMemoryOptions{.kind = "lave"}.gates(12) == 1);
  CHECK_THROWS_AS((ValueMemoryOptions{.kind = "lave", .slots = 3}.check()), ConfigError);
}
