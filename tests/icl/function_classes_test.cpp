#include "icl/function_classes.h"

#include "icl/prompting_strategies.h"
#include "icl/random_inputs.h"
#include "support/test.h"

using namespace arzoo;

TEST_CASE("a tree goes right where its node's coordinate is positive") {
  // Depth 2: the root asks coordinate 0, its children coordinates 1 and 2.
  const auto coordinates = torch::tensor({0, 1, 2, 0, 0, 0, 0}, at::kLong).unsqueeze(0);
  const auto values = at::arange(7, at::kFloat).unsqueeze(0);
  const auto xs = torch::tensor({{-1.0, -1.0, 1.0}, {-1.0, 1.0, -1.0}, {1.0, 1.0, -1.0}, {1.0, -1.0, 1.0}})
                      .to(at::kFloat)
                      .unsqueeze(0);
  CHECK(at::equal(icl::tree_values(xs, coordinates, values),
                  torch::tensor({{3.0, 4.0, 5.0, 6.0}}).to(at::kFloat)));
}

TEST_CASE("each class has the variance that errors are divided by") {
  const auto [task, tolerance] = GENERATE(table<std::string, double>({{"linear_regression", 0.08},
                                                                      {"sparse_linear_regression", 0.08},
                                                                      {"quadratic_regression", 0.12},
                                                                      {"relu_2nn_regression", 0.12},
                                                                      {"decision_tree", 0.12},
                                                                      {"linear_classification", 0.01}}));
  INFO(task);
  icl::FunctionOptions options;
  options.task = task;
  options.n_dims = 8;
  const auto prompts = icl::sample_prompts(options, 3000, 10, 8, icl::generator_of(1, icl::kTrainStream, 0));
  CHECK(prompts.ys.square().mean().item<double>() / icl::trivial_error(options) ==
        Approx(1.0).margin(tolerance));
}

TEST_CASE("a batch is a function of seed, stream and number") {
  const icl::FunctionOptions options;
  const auto sample = [&](int64_t seed, uint64_t stream, int64_t batch) {
    return icl::sample_prompts(options, 2, 3, 20, icl::generator_of(seed, stream, batch)).ys;
  };
  const auto one = sample(1, icl::kTrainStream, 7);
  CHECK(at::equal(one, sample(1, icl::kTrainStream, 7)));
  CHECK_FALSE(at::equal(one, sample(2, icl::kTrainStream, 7)));
  CHECK_FALSE(at::equal(one, sample(1, icl::kTestStream, 7)));
  CHECK_FALSE(at::equal(one, sample(1, icl::kTrainStream, 8)));
}

TEST_CASE("a curriculum zeroes later coordinates, keeps sparse functions within it, and grows to the whole") {
  icl::FunctionOptions options;
  options.task = "sparse_linear_regression";
  const auto prompts = icl::sample_prompts(options, 50, 30, 5, icl::generator_of(1, icl::kTrainStream, 0));
  CHECK(prompts.xs.narrow(2, 5, 15).abs().max().item<double>() == 0.0);
  CHECK(prompts.ys.square().mean().item<double>() > 1.0);
  const icl::CurriculumRange range{5, 20, 2, 100};
  CHECK(range.at(0, 20) == 5);
  CHECK(range.at(99, 20) == 5);
  CHECK(range.at(100, 20) == 7);
  CHECK(range.at(100000, 20) == 20);
  CHECK(icl::CurriculumRange{}.at(0, 20) == 20);
}

TEST_CASE("orthogonal queries see nothing of earlier points and keep their length") {
  auto random_inputs = icl::generator_of(3, icl::kTestStream, 0);
  const auto points = icl::strategy_points("orthogonal_train_test", 4, 9, 6, random_inputs);
  REQUIRE(points.queries.size(1) == 6);
  for (int64_t i = 1; i < 6; ++i) {
    const auto products = at::matmul(points.xs.narrow(1, 0, i), points.queries.select(1, i).unsqueeze(-1));
    CHECK(products.abs().max().item<double>() < 1e-4);
  }
  CHECK(at::allclose(points.queries.norm(2, {-1}), points.xs.norm(2, {-1}), 1e-4, 1e-5));
}

TEST_CASE("each strategy's points are what it says") {
  auto random_inputs = icl::generator_of(3, icl::kTestStream, 0);
  const auto opposite = icl::strategy_points("opposite_quadrants", 4, 5, 6, random_inputs);
  CHECK(at::equal(opposite.queries, -opposite.xs));
  CHECK((opposite.xs.sign() == opposite.xs.narrow(1, 0, 1).sign()).all().item<bool>());
  const auto overlapping = icl::strategy_points("overlapping_train_test", 4, 5, 6, random_inputs);
  for (int64_t i = 1; i < 5; ++i) {
    const auto distances =
        (overlapping.xs.narrow(1, 0, i) - overlapping.queries.narrow(1, i, 1)).abs().sum(-1);
    CHECK(std::get<0>(distances.min(1)).max().item<double>() == 0.0);
  }
  CHECK(icl::strategy_points("half_subspace", 4, 5, 6, random_inputs)
            .xs.narrow(2, 3, 3)
            .abs()
            .max()
            .item<double>() == 0.0);
}

TEST_CASE("the band of a mean holds it and narrows with the number of prompts") {
  auto random_inputs = icl::generator_of(3, icl::kTestStream, 0);
  const auto errors = at::randn({4000, 3}, random_inputs).square();
  const auto many = icl::error_curve(errors, 1), few = icl::error_curve(errors.narrow(0, 0, 100), 1);
  CHECK((many.low < many.mean).all().item<bool>());
  CHECK((many.mean < many.high).all().item<bool>());
  // The standard deviation of a squared normal is sqrt(2); 90 % lie within 1.645 of them around the mean.
  const double expected = 2 * 1.645 * std::sqrt(2.0 / 4000);
  CHECK((many.high - many.low).mean().item<double>() == Approx(expected).epsilon(0.15));
  CHECK((few.high - few.low).mean().item<double>() > 3 * expected);
}
