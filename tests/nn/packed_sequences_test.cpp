#include "nn/packed_sequences.h"

#include "support/test.h"

using namespace arzoo;

TEST_CASE("packed attention is each sequence's own, in whatever company") {
  torch::manual_seed(1);
  const std::vector<int64_t> lengths{3, 3, 0, 5, 1, 1};
  const nn::PackedSequences sequences(lengths);
  REQUIRE(sequences.tokens() == 13);
  const auto part = [] { return at::randn({1, 2, 13, 4}); };
  const nn::QkvHeads heads{part(), part(), part()};
  const auto together = nn::packed_attention(heads, sequences);
  REQUIRE(together.sizes() == heads.q.sizes());
  for (int64_t i = 0; i < sequences.sequences(); ++i) {
    if (sequences.length(i) == 0) continue;
    const auto own = [&](const at::Tensor& x) {
      return x.narrow(2, sequences.begin(i), sequences.length(i));
    };
    const auto alone = at::scaled_dot_product_attention(own(heads.q), own(heads.k), own(heads.v));
    CHECK(at::allclose(own(together), alone, 1e-5, 1e-6));
  }
}

TEST_CASE("sequences are packed without their padding and unpacked with zeros in its place") {
  const auto mask = at::tensor({1, 1, 0, 0, 0, 0, 1, 1, 1}, at::kLong).view({3, 3});
  const nn::PackedSequences sequences(mask);
  const auto x = at::arange(18, at::kFloat).view({3, 3, 2});
  const auto packed = sequences.pack(x);
  CHECK(packed.sizes() == at::IntArrayRef({5, 2}));
  CHECK(at::equal(sequences.unpack(packed), x * mask.unsqueeze(2)));
  CHECK(at::equal(sequences.boundaries(), at::tensor({0, 2, 2, 5}, at::kLong)));
  CHECK(at::equal(sequences.columns(), at::tensor({0, 1, 0, 1, 2}, at::kLong)));
  CHECK(at::equal(sequences.first(packed), at::stack({x[0][0], at::zeros({2}), x[2][0]})));
  CHECK(at::equal(sequences.mean(packed),
                  at::stack({x[0].narrow(0, 0, 2).mean(0), at::zeros({2}), x[2].mean(0)})));
}

TEST_CASE("lengths and a mask of them are the same sequences") {
  const nn::PackedSequences by_length(std::vector<int64_t>{2, 0, 3});
  const nn::PackedSequences by_mask(at::tensor({1, 1, 0, 0, 0, 0, 1, 1, 1}, at::kLong).view({3, 3}));
  CHECK(at::equal(by_length.places(), by_mask.places()));
  CHECK(at::equal(by_length.boundaries(), by_mask.boundaries()));
}
