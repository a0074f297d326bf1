#include "icl/linear_dynamics.h"

#include <torch/torch.h>

namespace arzoo::icl {
namespace {

/// x_0 = 0, x_1, …, x_{T-1}.
at::Tensor delayed(const at::Tensor& states) {
  return at::constant_pad_nd(states.narrow(1, 0, states.size(1) - 1), {0, 0, 1, 0});
}

/// sum_{s <= t} a_s b_s^T, [B, T, d, d].
at::Tensor running_products(const at::Tensor& a, const at::Tensor& b) {
  return (a.unsqueeze(-1) * b.unsqueeze(-2)).cumsum(1);
}

}  // namespace

at::Tensor dynamics_states(const DynamicsOptions& options, const DynamicsRandomInputs& random_inputs) {
  std::vector<at::Tensor> states{options.range * (2.0 * random_inputs.first - 1.0)};
  for (int64_t t = 0; t < options.seq_len; ++t) {
    const auto moved = at::matmul(random_inputs.w, states.back().unsqueeze(-1)).squeeze(-1);
    states.push_back((moved + options.noise * random_inputs.noise.select(1, t))
                         .clamp(-options.data_clip, options.data_clip));
  }
  return at::stack(states, 1);
}

at::Tensor sample_states(const DynamicsOptions& options, int64_t count, at::Generator generator) {
  const int64_t dim = options.data_dim;
  DynamicsRandomInputs random_inputs;
  const auto [q, r] = at::linalg_qr(at::randn({count, dim, dim}, generator));
  // With the signs of R's diagonal Q is uniform over all rotations (Mezzadri, 2007).
  random_inputs.w = q * r.diagonal(0, 1, 2).sign().unsqueeze(1);
  random_inputs.first = at::rand({count, dim}, generator);
  random_inputs.noise = at::randn({count, options.seq_len, dim}, generator);
  return dynamics_states(options, random_inputs);
}

at::Tensor constructed_tokens(const at::Tensor& states) {
  return at::cat({at::zeros_like(states), states, states, delayed(states)}, 2);
}

at::Tensor dynamics_descent(const at::Tensor& states, double eta) {
  return eta * at::matmul(running_products(states, delayed(states)), states.unsqueeze(-1)).squeeze(-1);
}

at::Tensor dynamics_ridge(const at::Tensor& states, double lambda, SeenPairs seen) {
  const auto x = states.to(at::kDouble), before = delayed(x);
  auto targets = running_products(x, before), inputs = running_products(before, before);
  if (seen == SeenPairs::official) {
    const auto without_newest = [](const at::Tensor& sums) {
      return at::constant_pad_nd(sums.narrow(1, 0, sums.size(1) - 1), {0, 0, 0, 0, 1, 0});
    };
    targets = without_newest(targets);
    inputs = without_newest(inputs);
  }
  const auto penalty = lambda * at::eye(x.size(2), x.options());
  const auto answer = at::matmul(targets, at::linalg_solve(inputs + penalty, x.unsqueeze(-1))).squeeze(-1);
  return answer.to(states.scalar_type());
}

at::Tensor neumann_inverse(const at::Tensor& a, int64_t terms, double c) {
  const auto identity = at::eye(a.size(-1), a.options());
  auto power = identity, sum = identity;
  for (int64_t k = 1; k <= terms; ++k) {
    power = at::matmul(power, identity - a / c);
    sum = sum + power;
  }
  return sum / c;
}

at::Tensor newton_inverse(const at::Tensor& a, int64_t steps) {
  const auto identity = at::eye(a.size(-1), a.options());
  auto x = identity / a.diagonal(0, -2, -1).sum(-1);
  for (int64_t step = 0; step < steps; ++step) x = at::matmul(x, 2.0 * identity - at::matmul(a, x));
  return x;
}

}  // namespace arzoo::icl
