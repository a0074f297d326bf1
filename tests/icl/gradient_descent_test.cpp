#include "icl/gradient_descent.h"

#include "icl/regression_prompts.h"
#include "support/test.h"

using namespace arzoo;
using icl::SelfAttentionLearner;

namespace {

SelfAttentionLearner learner_of(int64_t layers, int64_t width, at::ScalarType type, bool shared = true) {
  icl::VonOswaldOptions options;
  options.num_layers = layers;
  options.key_size = width;
  options.deq = shared;
  SelfAttentionLearner learner(options, width);
  learner.to(type);
  return learner;
}

/// Tokens of N points of I inputs and O outputs and of a query whose output slot is -W_0 x_q.
struct Task {
  at::Tensor xs, ys, query, initial, tokens;
};
Task task_of(int64_t points, int64_t inputs, int64_t outputs, at::ScalarType type) {
  torch::manual_seed(11);
  Task task{at::randn({3, points, inputs}, type),
            at::randn({3, points, outputs}, type),
            at::randn({3, 1, inputs}, type),
            at::randn({outputs, inputs}, type),
            {}};
  const auto asked = at::cat({task.query, -at::matmul(task.query, task.initial.t())}, 2);
  task.tokens = at::cat({at::cat({task.xs, task.ys}, 2), asked}, 1);
  return task;
}

}  // namespace

TEST_CASE("K constructed layers are K steps of gradient descent, for several outputs and any start") {
  const auto layers = GENERATE(int64_t{1}, int64_t{2}, int64_t{7});
  const auto [type, tolerance] =
      GENERATE(table<at::ScalarType, double>({{at::kDouble, 1e-10}, {at::kFloat, 1e-5}}));
  const int64_t points = 9, inputs = 5, outputs = 3;
  const auto task = task_of(points, inputs, outputs, type);
  const icl::DescentOptions descent{0.4, false, task.initial};
  auto learner = learner_of(layers, inputs + outputs, type, /*shared=*/layers < 7);
  icl::construct(learner, inputs, points, descent);
  icl::SelfAttentionTrace trace;
  learner.forward(task.tokens, &trace);
  const auto path = icl::gradient_descent(task.xs, task.ys, descent, layers);
  for (int64_t layer = 0; layer < layers; ++layer) {
    const auto slot = -trace.hidden[static_cast<std::size_t>(layer)].select(1, -1).narrow(1, inputs, outputs);
    const auto exact = at::matmul(path[layer], task.query.transpose(1, 2)).squeeze(-1);
    CHECK((slot - exact).abs().max().item<double>() < tolerance * exact.abs().max().item<double>());
  }
}

TEST_CASE("constructed GD++ is its recursion") {
  const int64_t points = 8, inputs = 6, layers = 3;
  icl::RegressionOptions data;
  data.input_size = inputs;
  data.dataset_size = points;
  const auto prompts = icl::sample_regression(data, 4, at::make_generator<at::CPUGeneratorImpl>(uint64_t{2}));
  const auto tokens = prompts.tokens.to(at::kDouble);
  auto learner = learner_of(layers, inputs + 1, at::kDouble);
  icl::construct(learner, inputs, points, {3.0, true, {}});
  const auto path = icl::curvature_descent(tokens, 3.0, layers);
  icl::SelfAttentionTrace trace;
  learner.forward(tokens, &trace);
  for (int64_t layer = 0; layer < layers; ++layer)
    CHECK(at::allclose(trace.hidden[static_cast<std::size_t>(layer)], path[layer], 1e-10, 1e-12));
}

TEST_CASE("a step lowers the loss that it descends on") {
  const auto task = task_of(12, 4, 1, at::kDouble);
  const auto path = icl::gradient_descent(task.xs, task.ys, {0.1, false, {}}, 20);
  const auto loss = [&](int64_t step) {
    return (at::matmul(task.xs, path[step].transpose(1, 2)) - task.ys).square().sum().item<double>();
  };
  for (int64_t step = 1; step < 20; ++step) CHECK(loss(step) < loss(step - 1));
}

TEST_CASE("a learner is like itself, and its interpolation with itself is itself") {
  const int64_t inputs = 4;
  auto learner = learner_of(1, inputs + 1, at::kFloat);
  icl::construct(learner, inputs, 7, {1.5, false, {}});
  const auto tokens = task_of(7, inputs, 1, at::kFloat).tokens;
  const auto like = icl::likeness(learner, learner, tokens, inputs);
  CHECK(like.cosine == Approx(1.0).margin(1e-5));
  CHECK(like.sensitivity == 0.0);
  CHECK(like.prediction == 0.0);
  auto mixed = learner_of(1, inputs + 1, at::kFloat);
  icl::use(icl::interpolation(learner, learner, inputs), mixed);
  CHECK(at::allclose(mixed.predict(tokens), learner.predict(tokens), 1e-5, 1e-6));
}
