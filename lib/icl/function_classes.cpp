#include "icl/function_classes.h"

#include <torch/torch.h>

#include "icl/random_inputs.h"
#include "nn/seeded_noise.h"

namespace arzoo::icl {

at::Tensor linear_values(const at::Tensor& xs, const at::Tensor& w, double scale) {
  return scale * at::matmul(xs, w).squeeze(-1);
}

at::Tensor sign_values(const at::Tensor& xs, const at::Tensor& w) { return linear_values(xs, w).sign(); }

at::Tensor quadratic_values(const at::Tensor& xs, const at::Tensor& w, double scale) {
  return scale * at::matmul(xs.square(), w).squeeze(-1) / std::sqrt(3.0);
}

at::Tensor network_values(const at::Tensor& xs, const at::Tensor& w1, const at::Tensor& w2) {
  const double scale = std::sqrt(2.0 / static_cast<double>(w2.size(1)));
  return at::matmul(at::relu(at::matmul(xs, w1)), w2).squeeze(-1) * scale;
}

at::Tensor tree_values(const at::Tensor& xs, const at::Tensor& coordinates, const at::Tensor& values) {
  auto node = at::zeros({xs.size(0), xs.size(1)}, at::kLong);
  for (int64_t inner = coordinates.size(1) / 2; inner > 0; inner /= 2) {
    const auto coordinate = coordinates.gather(1, node);
    const auto positive = xs.gather(2, coordinate.unsqueeze(-1)).squeeze(-1) > 0;
    node = 2 * node + 1 + positive.to(at::kLong);
  }
  return values.gather(1, node);
}

at::Tensor sparse_weights(const at::Tensor& w, const at::Tensor& order, int64_t sparsity) {
  const auto kept = at::zeros_like(w).scatter_(1, order.narrow(1, 0, sparsity).unsqueeze(-1), 1.0);
  return w * kept;
}

at::Tensor noisy_values(const at::Tensor& ys, const at::Tensor& noise, int64_t dims, bool renormalise) {
  const auto noisy = ys + noise;
  return renormalise ? noisy * std::sqrt(static_cast<double>(dims)) / noisy.std() : noisy;
}

Functions::Functions(const FunctionOptions& options, int64_t count, int64_t dims, at::Generator& generator)
    : options_(options) {
  const auto& task = options.task;
  if (task == "relu_2nn_regression") {
    w1_ = at::randn({count, options.n_dims, options.hidden_layer_size}, generator);
    w2_ = at::randn({count, options.hidden_layer_size, 1}, generator);
  } else if (task == "decision_tree") {
    const int64_t nodes = (int64_t{2} << options.depth) - 1;
    coordinates_ = at::randint(options.n_dims, {count, nodes}, generator, at::kLong);
    values_ = at::randn({count, nodes}, generator);
  } else {
    w_ = at::randn({count, options.n_dims, 1}, generator);
    if (task == "sparse_linear_regression")
      w_ = sparse_weights(w_, nn::random_orders(count, dims, generator), options.sparsity);
  }
}

at::Tensor Functions::operator()(const at::Tensor& xs) const {
  const auto& task = options_.task;
  if (task == "relu_2nn_regression") return network_values(xs, w1_, w2_);
  if (task == "decision_tree") return tree_values(xs, coordinates_, values_);
  if (task == "quadratic_regression") return quadratic_values(xs, w_, options_.scale);
  if (task == "linear_classification") return sign_values(xs, w_);
  return linear_values(xs, w_, options_.scale);
}

at::Tensor gaussian_points(int64_t count, int64_t points, int64_t all_dims, int64_t dims,
                           at::Generator& generator) {
  auto xs = at::randn({count, points, all_dims}, generator);
  if (dims < all_dims) xs.narrow(2, dims, all_dims - dims).zero_();
  return xs;
}

Prompts sample_prompts(const FunctionOptions& options, int64_t count, int64_t points, int64_t dims,
                       at::Generator generator) {
  const Functions functions(options, count, dims, generator);
  const auto xs = gaussian_points(count, points, options.n_dims, dims, generator);
  const auto values = functions(xs);
  if (options.noise_std == 0.0) return {xs, values, values};
  const auto noise = options.noise_std * at::randn(values.sizes(), generator);
  return {xs, noisy_values(values, noise, options.n_dims, options.renormalize_ys), values};
}

double trivial_error(const FunctionOptions& options) {
  const auto scale = options.scale * options.scale;
  if (options.task == "sparse_linear_regression") return scale * static_cast<double>(options.sparsity);
  if (options.task == "linear_regression" || options.task == "quadratic_regression")
    return scale * static_cast<double>(options.n_dims);
  if (options.task == "relu_2nn_regression") return static_cast<double>(options.n_dims);
  return 1.0;
}

}  // namespace arzoo::icl
