#include "icl/baselines.h"

#include "icl/function_classes.h"
#include "support/test.h"

using namespace arzoo;

namespace {

icl::Prompts linear_prompts(int64_t count, int64_t points, int64_t dims, double noise = 0.0) {
  icl::FunctionOptions options;
  options.n_dims = dims;
  options.sparsity = 1;
  options.noise_std = noise;
  return icl::sample_prompts(options, count, points, dims,
                             at::make_generator<at::CPUGeneratorImpl>(uint64_t{8}));
}

at::Tensor errors(const icl::Algorithm& algorithm, const icl::Prompts& prompts) {
  return (icl::predict_online(algorithm, prompts.xs, prompts.ys) - prompts.ys).square().mean(0);
}

}  // namespace

TEST_CASE("least squares is wrong by 1 - i / d of the variance until the points determine the weights") {
  const int64_t dims = 6;
  const auto error = errors(icl::least_squares(), linear_prompts(4000, 10, dims)) / static_cast<double>(dims);
  for (int64_t i = 0; i < dims; ++i)
    CHECK(error[i].item<double>() == Approx(1.0 - static_cast<double>(i) / dims).margin(0.05));
  CHECK(error.narrow(0, dims, 4).max().item<double>() < 1e-6);
}

TEST_CASE("of the solutions that fit, least squares takes the shortest") {
  const auto prompts = linear_prompts(5, 3, 6);
  const auto w = icl::least_squares_weights(prompts.xs, prompts.ys);
  const auto x = prompts.xs.to(at::kDouble);
  CHECK(at::allclose(at::matmul(x, w.unsqueeze(-1)).squeeze(-1), prompts.ys.to(at::kDouble), 1e-8, 1e-8));
  // The shortest one lies in the span of the points.
  const auto in_span = at::matmul(at::linalg_pinv(x), at::matmul(x, w.unsqueeze(-1))).squeeze(-1);
  CHECK(at::allclose(in_span, w, 1e-8, 1e-8));
}

TEST_CASE(
    "ridge is least squares as its penalty vanishes, and the best answer to noise at the noise's variance") {
  const auto clean = linear_prompts(20, 12, 4);
  CHECK(at::allclose(icl::ridge_weights(clean.xs, clean.ys, 1e-10),
                     icl::least_squares_weights(clean.xs, clean.ys), 1e-6, 1e-6));
  const auto noisy = linear_prompts(4000, 8, 4, 0.7);
  const auto mean = [&](double alpha) { return errors(icl::ridge(alpha), noisy).mean().item<double>(); };
  CHECK(mean(0.49) < mean(0.02));
  CHECK(mean(0.49) < mean(6.0));
}

TEST_CASE("neighbours: an exact match answers alone, fewer points than asked for are all taken") {
  const auto xs = torch::tensor({0.0, 1.0, 5.0}).view({1, 3, 1}),
             ys = torch::tensor({10.0, 20.0, 60.0}).view({1, 3});
  const auto ask = [&](const icl::Algorithm& algorithm, double query) {
    return algorithm(xs.to(at::kFloat), ys.to(at::kFloat), at::full({1, 1}, query)).item<double>();
  };
  CHECK(ask(icl::nearest_neighbours(2), 0.4) == Approx(15.0));
  CHECK(ask(icl::nearest_neighbours(9), 0.4) == Approx(30.0));
  CHECK(ask(icl::nearest_neighbours(2, true), 1.0) == Approx(20.0));
  CHECK(ask(icl::nearest_neighbours(2, true), 0.25) ==
        Approx((10.0 / 0.25 + 20.0 / 0.75) / (1 / 0.25 + 1 / 0.75)));
}

TEST_CASE("lasso solves its optimality conditions and finds a sparse function") {
  const double alpha = 0.05;
  icl::FunctionOptions options;
  options.task = "sparse_linear_regression";
  options.n_dims = 8;
  options.sparsity = 2;
  const auto prompts =
      icl::sample_prompts(options, 200, 9, 8, at::make_generator<at::CPUGeneratorImpl>(uint64_t{8}));
  // The weights are the answers to the unit vectors.
  const auto context = prompts.xs.narrow(0, 0, 1).narrow(1, 0, 6),
             ys = prompts.ys.narrow(0, 0, 1).narrow(1, 0, 6);
  const auto w = icl::lasso(alpha)(context.expand({8, -1, -1}), ys.expand({8, -1}), at::eye(8));
  const auto slope =
      at::matmul((ys[0] - at::matmul(context[0], w)).unsqueeze(0), context[0]).squeeze(0) / 6.0;
  for (int64_t j = 0; j < 8; ++j) {
    const double weight = w[j].item<double>(), pull = slope[j].item<double>();
    if (weight == 0.0) CHECK(std::abs(pull) <= alpha * 1.02);
    if (weight != 0.0) CHECK(pull == Approx(weight > 0 ? alpha : -alpha).epsilon(0.02));
  }
  CHECK(errors(icl::lasso(0.01), prompts)[8].item<double>() <
        0.5 * errors(icl::least_squares(), prompts)[6].item<double>());
}

TEST_CASE("a greedy tree without a limit knows its points, a stump splits where the error falls most") {
  const auto xs = torch::tensor({{0.0, 3.0}, {1.0, 2.0}, {2.0, 1.0}, {3.0, 0.0}}).to(at::kFloat).unsqueeze(0);
  const auto ys = torch::tensor({1.0, 1.0, 5.0, 7.0}).to(at::kFloat).unsqueeze(0);
  for (int64_t i = 0; i < 4; ++i)
    CHECK(icl::greedy_tree(0)(xs, ys, xs.select(1, i)).item<double>() == ys[0][i].item<double>());
  CHECK(icl::greedy_tree(1)(xs, ys, torch::tensor({{0.5, 9.0}}).to(at::kFloat)).item<double>() ==
        Approx(1.0));
  CHECK(icl::greedy_tree(1)(xs, ys, torch::tensor({{2.9, 9.0}}).to(at::kFloat)).item<double>() ==
        Approx(6.0));
}

TEST_CASE("gradient descent on enough points finds the weights, online and in full passes") {
  const auto prompts = linear_prompts(200, 40, 3);
  for (const bool full : {false, true}) {
    const auto error = errors(icl::gradient_descent_learner({0.02, full, 0.0}), prompts);
    CHECK(error[39].item<double>() < 0.1 * error[1].item<double>());
  }
}

TEST_CASE("a network trained on the points beats answering nothing") {
  icl::FunctionOptions options;
  options.task = "relu_2nn_regression";
  options.n_dims = 3;
  options.sparsity = 1;
  options.hidden_layer_size = 10;
  const auto prompts =
      icl::sample_prompts(options, 30, 40, 3, at::make_generator<at::CPUGeneratorImpl>(uint64_t{8}));
  const auto answers = icl::two_layer_network({}, 0)(prompts.xs.narrow(1, 0, 39), prompts.ys.narrow(1, 0, 39),
                                                     prompts.xs.select(1, 39));
  const auto truth = prompts.ys.select(1, 39);
  CHECK((answers - truth).square().mean().item<double>() < 0.6 * truth.square().mean().item<double>());
}
