#include "nn/token_decoding.h"

#include "nn/causal_convolution.h"
#include "nn/combiner_attention.h"
#include "nn/packed_sequences.h"
#include "nn/relative_bias.h"
#include "nn/structured_linear.h"
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

nn::DecodingRules greedy() {
  nn::DecodingRules rules;
  rules.sampling.temperature = 0.0;
  return rules;
}

std::vector<int64_t> decoded(const nn::DecodingRules& rules, int64_t first, int64_t steps) {
  CountingStream stream;
  nn::SeededRandomInputs random_inputs({7});
  const auto ids =
      nn::decode_tokens(stream, at::full({1, 1}, first, at::kLong), steps, rules, random_inputs)[0];
  return {ids.data_ptr<int64_t>(), ids.data_ptr<int64_t>() + ids.numel()};
}

using Ids = std::vector<int64_t>;

}  // namespace

TEST_CASE("decoding stops at an end, and never samples an id that the tokenizer does not have") {
  auto rules = greedy();
  CHECK(decoded(rules, 1, 3) == Ids{1, 2, 3, 4});
  rules.ends = {3};
  CHECK(decoded(rules, 1, 5) == Ids{1, 2, 3});
  rules.ends = {};
  rules.known = 3;
  for (const auto id : decoded(rules, 1, 4)) CHECK(id < 3);
}

TEST_CASE("the repetition penalty lowers what a row has had, its prompt included") {
  auto rules = greedy();
  rules.repetition_penalty = 1000.0;
  const auto ids = decoded(rules, 1, 8);
  CHECK(ids[6] == 0);
  CHECK(ids[7] == 1);  // all have been there: the largest of what is left
}

TEST_CASE("a causal convolution gives the same in parts") {
  const auto x = at::randn({2, 7, 3}), taps = at::randn({3, 3});
  nn::ConvolutionState whole_state, state;
  const auto whole = nn::causal_convolution(x, taps, whole_state);
  const auto parts = at::cat({nn::causal_convolution(x.narrow(1, 0, 4), taps, state),
                              nn::causal_convolution(x.narrow(1, 4, 1), taps, state),
                              nn::causal_convolution(x.narrow(1, 5, 2), taps, state)},
                             1);
  CHECK(at::allclose(whole, parts, 1e-5, 1e-6));
  CHECK(at::allclose(whole[0][0], x[0][0] * taps[0], 1e-5, 1e-6));
}

TEST_CASE("near distances have a bucket each, far ones share") {
  const nn::RelativeBias relative{32, 128};
  for (int64_t back = 0; back < 16; ++back) CHECK(relative.bucket(back) == back);
  CHECK(relative.bucket(16) == 16);
  CHECK(relative.bucket(127) == 31);
  CHECK(relative.bucket(100000) == 31);
  CHECK(relative.bucket(-3) == 0);
}

TEST_CASE("the rows of Combiner's attention sum to 1 over the past") {
  const int64_t tokens = 16;
  nn::QkvHeads heads{at::randn({1, 2, tokens, 4}), at::randn({1, 2, tokens, 4}),
                     at::eye(tokens).expand({1, 2, tokens, tokens})};
  for (const auto& matrix : {nn::combiner_fixed(heads, 4), nn::combiner_axial(heads, 4),
                             nn::combiner_logn(heads, nn::combiner_levels(tokens))}) {
    CHECK(at::allclose(matrix.sum(-1), at::ones({1, 2, tokens}), 1e-5, 1e-6));
    CHECK(matrix.triu(1).abs().max().item<double>() == 0.0);
    CHECK(matrix.tril().min().item<double>() >= 0.0);
  }
}

TEST_CASE("packing leaves out padding, and unpacking puts it back") {
  const auto mask = at::tensor({1, 1, 0, 0, 0, 0, 1, 1, 1}, at::kLong).view({3, 3});
  const nn::PackedSequences sequences(mask);
  const auto x = at::randn({3, 3, 2});
  CHECK(sequences.boundaries().equal(at::tensor({0, 2, 2, 5}, at::kLong)));
  CHECK(sequences.pack(x).size(0) == 5);
  CHECK(sequences.unpack(sequences.pack(x)).equal(x * mask.unsqueeze(-1)));
  CHECK(sequences.mean(sequences.pack(x))[1].abs().max().item<double>() == 0.0);
}

TEST_CASE("a structured map's merged weight is its product") {
  const auto method = GENERATE(as<std::string>{}, "lowrank", "blockdense", "blockshuffle");
  nn::StructuredLinear map({method, 8, 4}, 12, 20, /*with_bias=*/false);
  map.initialise();
  const auto x = at::randn({40, 12});
  CHECK(at::allclose(map.map(x, kernels::Activation::none), at::matmul(x, map.merged().t()), 1e-4, 1e-5));
  const c10::InferenceMode inference;
  map.eval();
  const auto few = x.narrow(0, 0, 2);
  CHECK(at::allclose(map.map(few, kernels::Activation::none), at::matmul(few, map.merged().t()), 1e-4, 1e-5));
}
