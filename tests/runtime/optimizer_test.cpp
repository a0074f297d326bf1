#include "runtime/optimizer.h"

#include <cmath>

#include "support/test.h"

using namespace arzoo;
using runtime::Optimizer;
using runtime::TrainingOptions;

namespace {

/// Adam, AdamW and gradient descent with momentum as their papers write them, one number at a time.
struct Textbook {
  TrainingOptions options;
  std::vector<double> m, v;
  int64_t t = 0;

  void step(std::vector<double>& p, std::vector<double> g, double rate) {
    m.resize(p.size());
    v.resize(p.size());
    ++t;
    for (std::size_t i = 0; i < p.size(); ++i) {
      if (options.optimizer == "adamw") p[i] -= rate * options.weight_decay * p[i];
      if (options.optimizer != "adamw") g[i] += options.weight_decay * p[i];
      if (options.optimizer == "sgd") {
        m[i] = options.momentum * m[i] + g[i];
        p[i] -= rate * m[i];
        continue;
      }
      m[i] = options.betas[0] * m[i] + (1 - options.betas[0]) * g[i];
      v[i] = options.betas[1] * v[i] + (1 - options.betas[1]) * g[i] * g[i];
      const double mean = m[i] / (1 - std::pow(options.betas[0], t));
      const double square = v[i] / (1 - std::pow(options.betas[1], t));
      p[i] -= rate * mean / (std::sqrt(square) + options.eps);
    }
  }
};

at::Tensor parameter(const std::vector<double>& values, at::ScalarType dtype = at::kDouble) {
  return at::tensor(values, at::kDouble).to(dtype).requires_grad_(true);
}

void set_gradient(at::Tensor& of, const at::Tensor& gradient) { of.mutable_grad() = gradient; }

}  // namespace

TEST_CASE("the optimiser makes the textbook's steps") {
  const auto [name, decay, dtype, margin] =
      GENERATE(table<std::string, double, at::ScalarType, double>({{"adam", 0.0, at::kDouble, 1e-12},
                                                                   {"adam", 0.1, at::kDouble, 1e-12},
                                                                   {"adamw", 0.0, at::kDouble, 1e-12},
                                                                   {"adamw", 0.1, at::kDouble, 1e-12},
                                                                   {"sgd", 0.0, at::kDouble, 1e-12},
                                                                   {"sgd", 0.1, at::kFloat, 1e-6},
                                                                   {"adam", 0.1, at::kFloat, 1e-6},
                                                                   {"adamw", 0.1, at::kFloat, 1e-6}}));
  TrainingOptions options;
  options.optimizer = name;
  options.weight_decay = decay;
  options.betas = {0.8, 0.95};
  options.eps = 1e-3;
  if (name == "sgd") options.momentum = GENERATE(0.0, 0.9);
  std::vector<double> expected{1.0, -2.0, 0.5, 0.0};
  auto actual = parameter(expected, dtype);
  Optimizer adam({actual}, options);
  Textbook textbook{options, {}, {}};
  for (int step = 0; step < 20; ++step) {
    // The gradient of sum((i + 1) p_i^2 / 2) - p_i, at each one's own place.
    std::vector<double> gradient;
    for (std::size_t i = 0; i < expected.size(); ++i) gradient.push_back(double(i + 1) * expected[i] - 1.0);
    const double rate = 0.05 / (1 + step);
    set_gradient(actual, at::arange(1, 5, actual.options().requires_grad(false)) * actual.detach() - 1.0);
    adam.step(rate);
    textbook.step(expected, gradient, rate);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      INFO("step " << step << ", parameter " << i);
      REQUIRE(actual[int64_t(i)].item<double>() == Approx(expected[i]).margin(margin));
    }
  }
}

TEST_CASE("weight decay leaves the parameters alone that no_weight_decay names") {
  TrainingOptions options;
  options.optimizer = GENERATE(as<std::string>{}, "adam", "adamw");
  options.weight_decay = 0.5;
  options.no_weight_decay = {"*bias"};
  torch::nn::Linear linear(3, 2);
  Optimizer adam(*linear, options);
  const auto weight = linear->weight.detach().clone(), bias = linear->bias.detach().clone();
  for (auto& parameter : linear->parameters()) parameter.mutable_grad() = at::zeros_like(parameter);
  adam.step(0.1);
  CHECK(at::equal(linear->bias, bias));
  CHECK_FALSE(at::allclose(linear->weight, weight));
}

TEST_CASE("a parameter without a gradient stays as it is and is not counted on") {
  auto used = parameter({1.0}), unused = parameter({2.0});
  Optimizer adam({used, unused}, {});
  set_gradient(used, at::ones({1}, at::kDouble));
  adam.step(0.1);
  CHECK(used.item<double>() < 1.0);
  CHECK(unused.item<double>() == 2.0);
  CHECK(adam.state().steps[0].item<double>() == 1.0);
  CHECK(adam.state().steps[1].item<double>() == 0.0);
}

TEST_CASE("a step without any gradient does nothing") {
  auto p = parameter({1.0});
  Optimizer adam({p}, {});
  CHECK_NOTHROW(adam.step(0.1));
  CHECK(adam.clip_gradients(1.0) == 0.0);
  CHECK(p.item<double>() == 1.0);
}

TEST_CASE("frozen parameters are left out") {
  const auto frozen = at::ones({1});
  const Optimizer adam({frozen, parameter({1.0})}, {});
  CHECK(adam.parameters().size() == 1);
}

TEST_CASE("a transposed gradient is matched to the parameter by place, not by memory") {
  const auto gradient = at::arange(6, at::kFloat).view({2, 3}) - 2.5;
  auto straight = at::zeros({2, 3}).requires_grad_(true), crossed = at::zeros({2, 3}).requires_grad_(true);
  Optimizer one({straight}, {}), other({crossed}, {});
  set_gradient(straight, gradient.clone());
  set_gradient(crossed, gradient.t().contiguous().t());
  one.step(0.1);
  other.step(0.1);
  CHECK(at::equal(straight, crossed));
}

TEST_CASE("clipping scales all gradients by the same factor, down to the limit and never up") {
  const auto [limit, expected] =
      GENERATE(table<double, double>({{10.0, 5.0}, {5.0, 5.0}, {1.0, 1.0}, {0.01, 0.01}}));
  auto a = parameter({0.0}), b = parameter({0.0});
  Optimizer adam({a, b}, {});
  set_gradient(a, at::full({1}, 3.0, at::kDouble));
  set_gradient(b, at::full({1}, -4.0, at::kDouble));
  CHECK(adam.clip_gradients(limit) == Approx(5.0));
  CHECK(std::hypot(a.grad().item<double>(), b.grad().item<double>()) == Approx(expected).epsilon(1e-5));
  CHECK(a.grad().item<double>() / b.grad().item<double>() == Approx(-0.75));
}

TEST_CASE("zero_grad forgets the gradients") {
  auto p = parameter({1.0});
  Optimizer adam({p}, {});
  set_gradient(p, at::ones({1}, at::kDouble));
  adam.zero_grad();
  CHECK_FALSE(p.grad().defined());
}
