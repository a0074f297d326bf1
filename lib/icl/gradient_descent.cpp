#include "icl/gradient_descent.h"

#include <torch/torch.h>

namespace arzoo::icl {
namespace {

/// The identity with its first I, or last O, diagonal entries alone.
at::Tensor partial_identity(int64_t inputs, int64_t outputs, double of_inputs, double of_outputs,
                            const at::TensorOptions& options) {
  return at::cat({at::full({inputs}, of_inputs, options), at::full({outputs}, of_outputs, options)}).diag();
}

void assign(const at::Tensor& weight, const at::Tensor& value) { weight.detach().copy_(value); }

}  // namespace

void construct(SelfAttentionLearner& learner, int64_t inputs, int64_t points, const DescentOptions& descent) {
  const torch::NoGradGuard no_grad;
  const auto& options = learner.options();
  for (int64_t layer = 0; layer < (options.deq ? 1 : options.num_layers); ++layer) {
    const auto& maps = learner.attention(layer);
    const auto type = maps.query.weight.options();
    const int64_t outputs = maps.query.weight.size(0) - inputs;
    const double n = static_cast<double>(points), rate = descent.learning_rate / n;
    const auto select = partial_identity(inputs, outputs, 1.0, 0.0, type);
    assign(maps.query.weight, select);
    assign(maps.key.weight, select);
    // v_i = (0, W_0 x_i - y_i); of GD++ (x_i, W_0 x_i - y_i).
    auto value = partial_identity(inputs, outputs, descent.curvature ? 1.0 : 0.0, -1.0, type);
    if (descent.initial.defined())
      value.narrow(0, 0, inputs).narrow(1, inputs, outputs).copy_(descent.initial.t());
    assign(maps.value.weight, value);
    assign(maps.linear.weight,
           partial_identity(inputs, outputs, descent.curvature ? -rate / n : 0.0, rate, type));
  }
}

at::Tensor gradient_descent(const at::Tensor& xs, const at::Tensor& ys, const DescentOptions& descent,
                            int64_t steps) {
  const double rate = descent.learning_rate / static_cast<double>(xs.size(1));
  auto w = at::zeros({xs.size(0), ys.size(2), xs.size(2)}, xs.options());
  if (descent.initial.defined()) w = w + descent.initial.to(xs.scalar_type());
  std::vector<at::Tensor> path;
  for (int64_t step = 0; step < steps; ++step) {
    const auto residual = at::matmul(xs, w.transpose(1, 2)) - ys;
    w = w - rate * at::matmul(residual.transpose(1, 2), xs);
    path.push_back(w);
  }
  return at::stack(path);
}

at::Tensor curvature_descent(const at::Tensor& tokens, double learning_rate, int64_t steps) {
  const int64_t points = tokens.size(1) - 1, inputs = tokens.size(2) - 1;
  const double n = static_cast<double>(points), rate = learning_rate / n;
  std::vector<at::Tensor> path;
  auto state = tokens;
  for (int64_t step = 0; step < steps; ++step) {
    const auto x = state.narrow(2, 0, inputs), y = state.narrow(2, inputs, 1);
    const auto context_x = x.narrow(1, 0, points), context_y = y.narrow(1, 0, points);
    const auto products = at::matmul(x, context_x.transpose(1, 2));
    state = at::cat(
        {x - rate / n * at::matmul(products, context_x), y - rate * at::matmul(products, context_y)}, 2);
    path.push_back(state);
  }
  return at::stack(path);
}

Likeness likeness(const SelfAttentionLearner& a, const SelfAttentionLearner& b, const at::Tensor& tokens,
                  int64_t inputs) {
  constexpr double kEps = 1e-8;
  const auto first = a.sensitivity(tokens, inputs), second = b.sensitivity(tokens, inputs);
  const torch::NoGradGuard no_grad;
  const auto unit = [](const at::Tensor& g) { return g / (g.norm(2, {-1}, /*keepdim=*/true) + kEps); };
  return {(unit(first) * unit(second)).sum(-1).mean().item<double>(),
          (first - second).norm(2, {-1}).mean().item<double>(),
          (a.predict(tokens) - b.predict(tokens)).abs().mean().item<double>()};
}

Interpolation interpolation(const SelfAttentionLearner& trained, const SelfAttentionLearner& constructed,
                            int64_t inputs) {
  const torch::NoGradGuard no_grad;
  const auto &a = trained.attention(0), &b = constructed.attention(0);
  const auto product = at::matmul(a.query.weight, a.key.weight.t());
  const double mean = product.diagonal().narrow(0, 0, inputs).mean().item<double>();
  return {
      (product / mean + b.query.weight) / 2,
      (at::matmul(a.value.weight, a.linear.weight) * mean + at::matmul(b.value.weight, b.linear.weight)) / 2,
      mean};
}

void use(const Interpolation& weights, SelfAttentionLearner& learner) {
  const torch::NoGradGuard no_grad;
  const auto& maps = learner.attention(0);
  assign(maps.query.weight, weights.query);
  assign(maps.linear.weight, weights.linear);
  const auto identity = at::eye(weights.query.size(0), weights.query.options());
  assign(maps.key.weight, identity);
  assign(maps.value.weight, identity);
}

}  // namespace arzoo::icl
