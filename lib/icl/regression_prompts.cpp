#include "icl/regression_prompts.h"

#include <torch/torch.h>

#include <numbers>

#include "icl/random_inputs.h"
#include "nn/seeded_noise.h"

namespace arzoo::icl {
namespace {

/// Rows (x, y) and the query's with 0 for its y. ys, query_ys: [B, N, 1], [B, 1, 1].
RegressionPrompts joined(const at::Tensor& xs, const at::Tensor& ys, const at::Tensor& queries,
                         const at::Tensor& query_ys) {
  const auto known = at::cat({xs, ys}, 2), asked = at::cat({queries, at::zeros_like(query_ys)}, 2);
  return {at::cat({known, asked}, 1), at::cat({queries, query_ys}, 2).squeeze(1)};
}

/// Tokens x_1, (0 … y_1), x_2, …, x_q.
RegressionPrompts separate(const at::Tensor& xs, const at::Tensor& ys, const at::Tensor& queries,
                           const at::Tensor& query_ys) {
  const int64_t inputs = xs.size(2);
  const auto wide = [&](const at::Tensor& y) { return at::constant_pad_nd(y, {inputs - 1, 0}); };
  const auto pairs = at::stack({xs, wide(ys)}, 2).view({xs.size(0), 2 * xs.size(1), inputs});
  return {at::cat({pairs, queries}, 1), wide(query_ys).squeeze(1)};
}

}  // namespace

RegressionPrompts linear_prompts(const RegressionOptions& options, const LinearRandomInputs& random_inputs) {
  const auto spread = [&](const at::Tensor& unit) { return options.input_range * (unit - 0.5); };
  const auto w = (options.weight_scale * random_inputs.w).unsqueeze(-1);
  const auto xs = spread(random_inputs.xs), queries = spread(random_inputs.queries);
  auto ys = at::matmul(xs, w);
  if (options.classic_token_const) return separate(xs, ys, queries, at::matmul(queries, w));
  if (options.size_distract > 0)
    ys = ys.scatter(1, random_inputs.distracted.unsqueeze(-1), random_inputs.noise.unsqueeze(-1));
  return joined(xs, ys, queries, at::matmul(queries, w));
}

RegressionPrompts sine_prompts(double input_range, const SineRandomInputs& random_inputs) {
  const auto amplitude = (0.1 + 0.4 * random_inputs.u).unsqueeze(-1),
             phase = (std::numbers::pi * random_inputs.u).unsqueeze(-1);
  const auto xs = input_range * (random_inputs.xs - 0.5),
             queries = input_range * (random_inputs.queries - 0.5);
  const auto value = [&](const at::Tensor& x) { return amplitude * (x + phase).sin(); };
  return joined(xs, value(xs), queries, value(queries));
}

RegressionPrompts sample_regression(const RegressionOptions& options, int64_t count,
                                    at::Generator generator) {
  const int64_t points = options.dataset_size, inputs = options.input_size;
  if (options.task == "sine") {
    SineRandomInputs random_inputs;
    random_inputs.u = at::rand({count, 1}, generator);
    random_inputs.xs = at::rand({count, points, 1}, generator);
    random_inputs.queries = at::rand({count, 1, 1}, generator);
    return sine_prompts(options.input_range, random_inputs);
  }
  LinearRandomInputs random_inputs;
  random_inputs.w = at::randn({count, inputs}, generator);
  random_inputs.xs = at::rand({count, points, inputs}, generator);
  random_inputs.queries = at::rand({count, 1, inputs}, generator);
  if (options.size_distract > 0) {
    random_inputs.distracted =
        nn::random_orders(count, points, generator).narrow(1, 0, options.size_distract);
    random_inputs.noise = at::randn({count, options.size_distract}, generator);
  }
  return linear_prompts(options, random_inputs);
}

}  // namespace arzoo::icl
