#include "icl/linear_dynamics.h"

#include "icl/random_inputs.h"
#include "support/test.h"

using namespace arzoo;

namespace {

at::Tensor states_of(int64_t count, double noise = 0.0) {
  icl::DynamicsOptions options;
  options.data_dim = 4;
  options.seq_len = 12;
  options.noise = noise;
  return icl::sample_states(options, count, icl::generator_of(5, icl::kTrainStream, 0));
}

}  // namespace

TEST_CASE("a rotation keeps the length of a state") {
  const auto lengths = states_of(20).norm(2, {-1});
  CHECK(at::allclose(lengths, lengths.narrow(1, 0, 1).expand_as(lengths), 1e-4, 1e-5));
}

TEST_CASE(
    "least squares knows the rotation once the states span the space, one step later without the newest "
    "pair") {
  const auto all = states_of(30), seen = all.narrow(1, 0, 12), next = all.narrow(1, 1, 12);
  const auto error = [&](icl::SeenPairs pairs, int64_t step) {
    const auto predicted = icl::dynamics_ridge(seen, 1e-9, pairs);
    return (predicted - next).select(1, step).abs().max().item<double>();
  };
  CHECK(error(icl::SeenPairs::all, 5) < 1e-3);
  CHECK(error(icl::SeenPairs::official, 6) < 1e-3);
  CHECK(error(icl::SeenPairs::official, 3) > 0.05);
}

TEST_CASE("the approximate inverses converge") {
  const auto root = at::randn({5, 5}, at::kDouble);
  const auto a = at::matmul(root, root.t()) + at::eye(5, at::kDouble);
  const auto exact = at::linalg_inv(a);
  CHECK(at::allclose(icl::newton_inverse(a, 30), exact, 1e-8, 1e-9));
  CHECK(at::allclose(icl::neumann_inverse(a, 4000, 70.0), exact, 1e-6, 1e-7));
}

TEST_CASE("a constructed token holds its state twice and the one before") {
  const auto states = states_of(2).narrow(1, 0, 3);
  const auto tokens = icl::constructed_tokens(states);
  CHECK(tokens.narrow(2, 0, 4).abs().max().item<double>() == 0.0);
  CHECK(at::equal(tokens.narrow(2, 4, 4), states));
  CHECK(at::equal(tokens.narrow(2, 8, 4), states));
  CHECK(at::equal(tokens.narrow(2, 12, 4).narrow(1, 1, 2), states.narrow(1, 0, 2)));
  CHECK(tokens.narrow(2, 12, 4).select(1, 0).abs().max().item<double>() == 0.0);
}
