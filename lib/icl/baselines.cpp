#include "icl/baselines.h"

#include <torch/torch.h>

#include "icl/random_inputs.h"

namespace arzoo::icl {
namespace {

at::Tensor applied(const at::Tensor& w, const at::Tensor& query) { return (w * query).sum(-1); }

/// The algorithm that applies weights found by `solve`.
template <class Solve>
Algorithm linear_algorithm(const Solve& solve) {
  return [solve](const at::Tensor& xs, const at::Tensor& ys, const at::Tensor& query) {
    return applied(solve(xs, ys), query.to(at::kDouble)).to(query.scalar_type());
  };
}

}  // namespace

at::Tensor predict_online(const Algorithm& algorithm, const at::Tensor& xs, const at::Tensor& ys) {
  std::vector<at::Tensor> predicted{at::zeros_like(ys.select(1, 0))};
  for (int64_t i = 1; i < xs.size(1); ++i)
    predicted.push_back(algorithm(xs.narrow(1, 0, i), ys.narrow(1, 0, i), xs.select(1, i)));
  return at::stack(predicted, 1);
}

at::Tensor least_squares_weights(const at::Tensor& xs, const at::Tensor& ys) {
  const auto x = xs.to(at::kDouble), y = ys.to(at::kDouble).unsqueeze(-1);
  // By singular values: of minimum norm where several solutions fit.
  return std::get<0>(at::linalg_lstsq(x, y, std::nullopt, "gelsd")).squeeze(-1);
}

at::Tensor ridge_weights(const at::Tensor& xs, const at::Tensor& ys, double alpha) {
  const auto x = xs.to(at::kDouble), xt = x.transpose(1, 2);
  const auto penalty = alpha * at::eye(x.size(2), x.options());
  return at::linalg_solve(at::matmul(xt, x) + penalty, at::matmul(xt, ys.to(at::kDouble).unsqueeze(-1)))
      .squeeze(-1);
}

Algorithm least_squares() { return linear_algorithm(least_squares_weights); }

Algorithm ridge(double alpha) {
  return linear_algorithm(
      [alpha](const at::Tensor& xs, const at::Tensor& ys) { return ridge_weights(xs, ys, alpha); });
}

Algorithm averaging() {
  return linear_algorithm([](const at::Tensor& xs, const at::Tensor& ys) {
    return (xs.to(at::kDouble) * ys.to(at::kDouble).unsqueeze(-1)).mean(1);
  });
}

Algorithm nearest_neighbours(int64_t neighbours, bool by_distance) {
  return [=](const at::Tensor& xs, const at::Tensor& ys, const at::Tensor& query) {
    const auto distances = (xs - query.unsqueeze(1)).norm(2, {-1});
    const auto nearest = distances.topk(std::min(neighbours, xs.size(1)), 1, /*largest=*/false);
    const auto values = ys.gather(1, std::get<1>(nearest));
    if (!by_distance) return values.mean(1);
    const auto raw = 1.0 / std::get<0>(nearest);
    const auto matches = raw.isinf();
    const auto weights = at::where(matches.any(1, /*keepdim=*/true), matches.to(raw.scalar_type()), raw);
    return (weights * values).sum(1) / weights.sum(1);
  };
}

Algorithm gradient_descent_learner(const GradientDescentOptions& options) {
  constexpr double kLargest = 20.0;
  return [=](const at::Tensor& xs, const at::Tensor& ys, const at::Tensor& query) {
    auto w = at::zeros({xs.size(0), xs.size(2)}, at::kDouble);
    const auto x = xs.to(at::kDouble), y = ys.to(at::kDouble);
    for (int64_t i = 0; i < x.size(1); ++i) {
      const int64_t first = options.full_passes ? 0 : i, count = i + 1 - first;
      const auto seen = x.narrow(1, first, count);
      const auto residual = y.narrow(1, first, count) - at::matmul(seen, w.unsqueeze(-1)).squeeze(-1);
      const auto gradient =
          -2.0 * at::matmul(residual.unsqueeze(1), seen).squeeze(1) + 2.0 * options.weight_decay * w;
      w = w - options.learning_rate * gradient.clamp(-kLargest, kLargest);
    }
    return applied(w, query.to(at::kDouble)).to(query.scalar_type());
  };
}

at::Tensor trained_network(const at::Tensor& xs, const at::Tensor& ys, const at::Tensor& query,
                           const NetworkWeights& start, const NetworkTraining& training) {
  const at::AutoGradMode grad(true);
  const auto leaf = [](const at::Tensor& x) { return x.detach().clone().requires_grad_(); };
  const NetworkWeights net{leaf(start.w1), leaf(start.b1), leaf(start.w2), leaf(start.b2)};
  const auto values = [&](const at::Tensor& x) {
    const auto hidden = at::relu(at::matmul(x, net.w1.transpose(1, 2)) + net.b1.unsqueeze(1));
    return (at::matmul(hidden, net.w2.transpose(1, 2)) + net.b2.unsqueeze(1)).squeeze(-1);
  };
  torch::optim::Adam optimizer({net.w1, net.b1, net.w2, net.b2},
                               torch::optim::AdamOptions(training.learning_rate));
  for (int64_t step = 0; step < training.steps; ++step) {
    optimizer.zero_grad();
    at::mse_loss(values(xs), ys).backward();
    optimizer.step();
  }
  const torch::NoGradGuard no_grad;
  return values(query.unsqueeze(1)).squeeze(1);
}

Algorithm two_layer_network(const NetworkTraining& training, int64_t seed) {
  return [=](const at::Tensor& xs, const at::Tensor& ys, const at::Tensor& query) {
    auto generator = generator_of(seed, kTestStream, xs.size(1));
    const int64_t batch = xs.size(0), dims = xs.size(2), hidden = training.hidden;
    const auto sample = [&](at::IntArrayRef sizes, int64_t fan_in) {
      const double bound = 1.0 / std::sqrt(static_cast<double>(fan_in));
      return at::rand(sizes, generator) * (2 * bound) - bound;
    };
    const NetworkWeights start{sample({batch, hidden, dims}, dims), sample({batch, hidden}, dims),
                               sample({batch, 1, hidden}, hidden), sample({batch, 1}, hidden)};
    return trained_network(xs, ys, query, start, training);
  };
}

std::vector<NamedAlgorithm> baselines_for(const std::string& task) {
  std::vector<NamedAlgorithm> all{{"least squares", least_squares()},
                                  {"3 nearest neighbours", nearest_neighbours(3)},
                                  {"averaging", averaging()}};
  if (task == "sparse_linear_regression") {
    all.push_back({"lasso 0.01", lasso(0.01)});
    all.push_back({"lasso 0.1", lasso(0.1)});
  }
  if (task == "relu_2nn_regression") all.push_back({"two-layer network", two_layer_network({}, 0)});
  if (task == "decision_tree") all.push_back({"greedy tree", greedy_tree(0)});
  return all;
}

}  // namespace arzoo::icl
