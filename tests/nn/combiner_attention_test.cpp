#include "nn/combiner_attention.h"

#include "nn/combiner_cache.h"
#include "support/test.h"

using namespace arzoo;
using nn::CombinerKind;

namespace {

constexpr int64_t kBatch = 2, kHeads = 3, kWidth = 4;

nn::QkvHeads random_heads(int64_t tokens) {
  const auto part = [&] { return at::randn({kBatch, kHeads, tokens, kWidth}); };
  return {part(), part(), part()};
}

/// Keys of rowmajor's summaries that depend on what their tokens are, and on what they attended to.
at::Tensor token_keys(const at::Tensor&, const at::Tensor& x) {
  return x.unflatten(3, {kHeads, kWidth}).permute({0, 3, 1, 2, 4});
}
at::Tensor row_keys(const at::Tensor& attended, const at::Tensor& x) {
  return attended * 0.5 + token_keys(attended, x);
}

/// Each kind with some segment.
nn::CombinerPattern any_pattern() {
  const auto kind =
      GENERATE(CombinerKind::fixed, CombinerKind::logn, CombinerKind::rowmajor, CombinerKind::axial);
  const int64_t segment = GENERATE(1, 4, 22);
  return {.kind = kind, .segment = segment, .levels = nn::combiner_levels(22)};
}

/// The matrix that the attention multiplies values with, [B, H, T, T]: each value is its own row of the
/// identity.
at::Tensor matrix_of(nn::QkvHeads heads, const at::Tensor& x, const nn::CombinerPattern& pattern) {
  const int64_t tokens = heads.q.size(2);
  heads.v = at::eye(tokens).expand({kBatch, kHeads, tokens, tokens});
  return nn::combiner_attention(heads, x, pattern, token_keys);
}

}  // namespace

TEST_CASE("every token has a share of each later token's attention, and no share is of a later one") {
  torch::manual_seed(1);
  const auto pattern = any_pattern();
  const int64_t tokens = 22;
  const auto heads = random_heads(tokens);
  const auto matrix = matrix_of(heads, at::randn({kBatch, tokens, kHeads * kWidth}), pattern);
  CHECK(at::allclose(matrix.sum(-1), at::ones({kBatch, kHeads, tokens}), 1e-5, 1e-5));
  CHECK(matrix.triu(1).abs().max().item<double>() == 0.0);
  const auto seen = at::ones({tokens, tokens}, at::kBool).tril().expand_as(matrix);
  CHECK(matrix.masked_select(seen).min().item<double>() > 0.0);
}

TEST_CASE("a cache that reads token by token gives what one pass over all tokens gives") {
  torch::manual_seed(2);
  const c10::InferenceMode inference;
  const auto pattern = any_pattern();
  const int64_t tokens = 22, prompt = GENERATE(1, 4, 9);
  const auto heads = random_heads(tokens);
  const auto x = at::randn({kBatch, tokens, kHeads * kWidth});
  const auto whole = nn::combiner_attention(heads, x, pattern, row_keys);
  nn::CombinerCache cache(pattern);
  std::vector<at::Tensor> parts;
  for (int64_t from = 0, count = prompt; from < tokens;
       from += count, count = from < 15 ? 1 : tokens - from) {
    const auto own = [&](const at::Tensor& all) { return all.narrow(2, from, count); };
    parts.push_back(
        cache.read({own(heads.q), own(heads.k), own(heads.v)}, x.narrow(1, from, count), row_keys));
  }
  CHECK(at::allclose(at::cat(parts, 2), whole, 1e-4, 1e-5));
}

TEST_CASE("one segment is plain causal attention in the fixed kind") {
  torch::manual_seed(3);
  const auto heads = random_heads(7);
  const auto plain = at::scaled_dot_product_attention(heads.q, heads.k, heads.v, {}, 0.0, /*is_causal=*/true);
  CHECK(at::allclose(nn::combiner_attention(heads, {}, {.kind = CombinerKind::fixed, .segment = 7}), plain,
                     1e-5, 1e-6));
}

TEST_CASE("the levels are those of the official code") {
  const auto [length, levels] = GENERATE(
      table<int64_t, int64_t>({{2, 0}, {3, 1}, {4, 2}, {5, 2}, {9, 3}, {10, 4}, {14, 4}, {2048, 11}}));
  CHECK(nn::combiner_levels(length) == levels);
}

TEST_CASE("an unknown kind is refused by name") {
  CHECK_THROWS_WITH(nn::combiner_kind("dense"), ContainsSubstring("\"dense\""));
}
