#include "forecast/layers/prob_sparse_attention.h"

#include "core/error.h"
#include "kernels/sparsity_scores.h"
#include "support/forecasters.h"
#include "support/test.h"

using namespace arzoo;
using forecast::FullAttention;
using forecast::ProbSparseAttention;
using kernels::HeadOrder;

namespace {

/// Equation 4 as the official code has it: the sampled keys gathered for each query. q, k: [B, H, L, E].
at::Tensor literal_sparsity(const at::Tensor& q, const at::Tensor& k, const at::Tensor& sample) {
  const auto sampled = k.index_select(2, sample.flatten())
                           .view({k.size(0), k.size(1), sample.size(0), sample.size(1), k.size(3)});
  const auto scores = at::matmul(q.unsqueeze(3), sampled.transpose(3, 4)).squeeze(3);
  return std::get<0>(scores.max(-1)) - scores.sum(-1) / double(k.size(2));
}

struct SparseCase {
  at::Tensor q, k, v;
};

SparseCase sparse_case(int64_t length, int64_t there) {
  torch::manual_seed(length + there);
  return {at::randn({2, length, 3, 6}).requires_grad_(), at::randn({2, there, 3, 6}).requires_grad_(),
          at::randn({2, there, 3, 6}).requires_grad_()};
}

/// The selected rows by softmax over all keys, the others by mean or running sum, one at a time.
at::Tensor literal_attention(const SparseCase& c, const at::Tensor& top, bool causal) {
  auto out = at::zeros_like(c.q);
  for (int64_t b = 0; b < c.q.size(0); ++b) {
    for (int64_t h = 0; h < c.q.size(2); ++h) {
      const auto kept = top[b][h];
      for (int64_t i = 0; i < c.q.size(1); ++i) {
        const int64_t seen = causal ? i + 1 : c.k.size(1);
        const auto k = c.k[b].select(1, h).narrow(0, 0, seen), v = c.v[b].select(1, h).narrow(0, 0, seen);
        const bool attends = kept.eq(i).any().item<bool>();
        const auto weights = at::softmax(k.mv(c.q[b][i][h]) / std::sqrt(6.0), 0);
        const auto row = attends ? weights.unsqueeze(0).mm(v).squeeze(0) : causal ? v.sum(0) : v.mean(0);
        out[b][i][h].copy_(row);
      }
    }
  }
  return out;
}

}  // namespace

TEST_CASE("the sparsity measure equals its formula either way") {
  const auto [length, there, count, width] = GENERATE(table<int64_t, int64_t, int64_t, int64_t>(
      {{42, 42, 8, 6}, {31, 17, 6, 64}, {7, 300, 5, 33}, {300, 1, 1, 16}}));
  torch::manual_seed(1);
  const auto q = at::randn({2, length, 3, width}).transpose(1, 2),
             k = at::randn({2, there, 3, width}).transpose(1, 2);
  const auto sample = at::randint(there, {length, count}, at::kLong);
  const auto expected = literal_sparsity(q, k, sample);
  CHECK(at::allclose(kernels::sparsity_of_all_scores(q, k, sample), expected, 1e-4, 1e-4));
  CHECK(at::allclose(kernels::sparsity_of_sampled_scores(q, k, sample), expected, 1e-4, 1e-4));
  CHECK(at::allclose(kernels::sparsity(q, k, sample), expected, 1e-4, 1e-4));
}

TEST_CASE("all scores in blocks of queries are the scores in one block") {
  torch::manual_seed(2);
  // More than the scores that are held at once.
  const auto q = at::randn({1, 8, 800, 4}), k = at::randn({1, 8, 800, 4});
  const auto sample = at::randint(800, {800, 3}, at::kLong);
  CHECK(at::allclose(kernels::sparsity_of_all_scores(q, k, sample), literal_sparsity(q, k, sample), 1e-4,
                     1e-4));
}

TEST_CASE(
    "sparse attention and its gradients equal the definition, masked or not, in either order of heads") {
  const bool causal = GENERATE(false, true);
  const auto order = GENERATE(HeadOrder::usual, HeadOrder::mixed);
  const auto c = causal ? sparse_case(21, 21) : sparse_case(21, 34);
  ProbSparseAttention layer(causal, 2, order, "test");
  runtime::Trace trace;
  torch::manual_seed(3);
  const auto ours = layer.forward(c.q, c.k, c.v, {&trace});
  REQUIRE(trace.size() == 1);
  const auto theirs = literal_attention(c, trace[0].second, causal);
  CHECK(at::allclose(ours, theirs, 1e-4, 1e-5));
  test::check_same_gradients(ours, theirs, {c.q, c.k, c.v});
  const c10::InferenceMode inference;
  torch::manual_seed(3);
  CHECK(at::allclose(layer.forward(c.q, c.k, c.v, {}), theirs, 1e-4, 1e-5));
}

TEST_CASE("with all queries selected it is full attention") {
  const bool causal = GENERATE(false, true);
  const auto c = sparse_case(15, 15);
  ProbSparseAttention sparse(causal, 100, HeadOrder::usual, "test");
  FullAttention full(causal, 0.0);
  CHECK(at::allclose(sparse.forward(c.q, c.k, c.v, {}), full.forward(c.q, c.k, c.v, {}), 1e-4, 1e-5));
}

TEST_CASE("a seed gives the numbers of torch.randint, and random inputs may be replayed") {
  const auto c = sparse_case(20, 20);
  ProbSparseAttention layer(false, 1, HeadOrder::usual, "test");
  torch::manual_seed(4);
  const auto sampled = layer.forward(c.q, c.k, c.v, {});
  torch::manual_seed(4);
  runtime::NamedTensors recorded;
  recorded.add("index_sample.test.inner_attention", at::randint(20, {20, 3}, at::kLong));
  auto random_inputs = forecast::RandomInputs::replayed(recorded);
  CHECK(at::equal(layer.forward(c.q, c.k, c.v, {nullptr, &random_inputs}), sampled));
}

TEST_CASE("recorded random inputs of a wrong shape or range are refused") {
  runtime::NamedTensors recorded;
  recorded.add("there", at::tensor({0, 5, 2}, at::kLong).view({1, 3}));
  auto random_inputs = forecast::RandomInputs::replayed(recorded);
  CHECK(at::equal(random_inputs.integers("there", 6, {1, 3}), recorded.at("there")));
  CHECK_THROWS_WITH(random_inputs.integers("there", 5, {1, 3}), ContainsSubstring("outside 0..4"));
  CHECK_THROWS_WITH(random_inputs.integers("there", 6, {3, 1}), ContainsSubstring("[3, 1] expected"));
  CHECK_THROWS_AS(random_inputs.integers("elsewhere", 6, {1, 3}), CheckpointError);
}

TEST_CASE("repeatable random inputs neither depend on the default generator nor change it") {
  torch::manual_seed(5);
  const auto untouched = at::randint(1000, {50}, at::kLong);
  torch::manual_seed(5);
  auto one = forecast::RandomInputs::repeatable(), two = forecast::RandomInputs::repeatable();
  CHECK(at::equal(one.integers("a", 1000, {50}), two.integers("b", 1000, {50})));
  CHECK(at::equal(at::randint(1000, {50}, at::kLong), untouched));
}
