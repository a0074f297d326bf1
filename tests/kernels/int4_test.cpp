#include "kernels/int4.h"

#include <torch/torch.h>

#include <limits>

#include "kernels/int4_products.h"
#include "kernels/quantized_weights.h"
#include "support/test.h"

namespace arzoo::nn {
namespace {

/// A weight and what its 4 bits stand for.
struct Rounded {
  explicit Rounded(const at::Tensor& weight)
      : tensor(kernels::int4_weight(weight)), numbers(kernels::int4_numbers(tensor, weight.size(1))) {}
  at::Tensor tensor, numbers;
};

double relative_error(const at::Tensor& got, const at::Tensor& expected) {
  return ((got - expected).norm() / expected.norm()).item<double>();
}

}  // namespace

TEST_CASE("weights in 4 bits err by a twelfth of their deviation, and take 4.5 bits") {
  torch::manual_seed(1);
  const auto weight = at::randn({64, 768}) * at::logspace(-3.0, 1.0, 64).unsqueeze(1);
  const Rounded rounded(weight);
  CHECK(rounded.tensor.numel() * 16 == weight.numel() * 9);
  const auto error = (rounded.numbers - weight).norm(2, 1) / weight.norm(2, 1);
  CHECK(error.max().item<double>() < 0.09);
}

TEST_CASE("rounding what 4 bits stand for changes nothing") {
  torch::manual_seed(2);
  const auto width = GENERATE(32, 64, 100, 768);
  const Rounded once(at::randn({40, width}).to(GENERATE(at::kFloat, at::kBFloat16)));
  CHECK(at::equal(Rounded(once.numbers).numbers, once.numbers));
}

TEST_CASE("integers from -7 to 7 and groups of zeros are exact in 4 bits") {
  torch::manual_seed(3);
  auto weight = at::randint(-7, 8, {16, 96}).to(at::kFloat);
  weight.select(1, 0).fill_(7.0);
  weight.narrow(1, 32, 32).zero_();
  weight.select(1, 64).fill_(-7.0);
  CHECK(at::equal(Rounded(weight * 0.25).numbers, weight * 0.25));
}

TEST_CASE("a group with a number that is not finite is not finite in 4 bits, the others are untouched") {
  auto weight = at::ones({2, 96});
  weight[1][40] =
      GENERATE(std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e6F, -1e30F);
  const Rounded rounded(weight);
  CHECK(rounded.numbers[1].narrow(0, 32, 32).isnan().all().item<bool>());
  CHECK(at::equal(rounded.numbers[1].narrow(0, 64, 32), at::ones({32})));
  CHECK(at::equal(rounded.numbers[0], at::ones({96})));
  const auto y = kernels::int4_linear(at::ones({1, 96}), rounded.tensor, {}, kernels::Activation::none);
  CHECK(y[0][1].isnan().item<bool>());
  CHECK(std::abs(y[0][0].item<float>() - 96.0F) < 1e-3F);
}

TEST_CASE("numbers too small for a scale of 16 bits are zeros in 4 bits") {
  const auto size = GENERATE(1e-12F, 1e-30F, 1e-40F);
  auto weight = at::full({2, 32}, size);
  weight[1].fill_(1.0F);
  const Rounded rounded(weight);
  CHECK(at::equal(rounded.numbers[0], at::zeros({32})));
  CHECK(at::equal(rounded.numbers[1], at::ones({32})));
}

TEST_CASE("a linear map in 4 bits is the map of the rounded weights") {
  torch::manual_seed(4);
  const auto rows = GENERATE(1, 2, 3, 4, 5, 32, 33, 40);
  const auto [in, out] =
      GENERATE(table<int64_t, int64_t>({{32, 1}, {64, 32}, {100, 7}, {288, 33}, {1056, 257}}));
  const auto after = GENERATE(kernels::Activation::none, kernels::Activation::relu, kernels::Activation::gelu,
                              kernels::Activation::silu);
  const Rounded rounded(at::randn({out, in}));
  const auto x = at::randn({rows, in}), bias = at::randn({out});
  const auto y = kernels::linear(x, rounded.tensor, bias, after);
  const auto expected = kernels::activate(at::linear(x, rounded.numbers, bias), after);
  // What the 8 bits of x cost; products of many rows are in fp32.
  const double tolerance = rows <= 32 ? 0.02 : 1e-5;
  CHECK(relative_error(y, expected) < tolerance);
}

TEST_CASE("a row's result in 4 bits is the same alone and among others") {
  torch::manual_seed(5);
  const Rounded rounded(at::randn({65, 480}));
  const auto x = at::randn({9, 480});
  const auto all = kernels::linear(x, rounded.tensor, {});
  for (int64_t i = 0; i < 9; ++i)
    CHECK(at::equal(kernels::linear(x.narrow(0, i, 1), rounded.tensor, {}), all.narrow(0, i, 1)));
}

TEST_CASE("rows of x in bf16 give a result in bf16") {
  torch::manual_seed(6);
  const Rounded rounded(at::randn({32, 64}));
  const auto x = at::randn({GENERATE(1, 9), 64}).to(at::kBFloat16);
  const auto y = kernels::linear(x, rounded.tensor, {});
  CHECK(y.scalar_type() == at::kBFloat16);
  CHECK(relative_error(y.to(at::kFloat), at::linear(x.to(at::kFloat), rounded.numbers)) < 0.02);
}

TEST_CASE("within a scope of 4 bits a model's linear maps take them, narrow ones and other tensors do not") {
  torch::manual_seed(7);
  struct Layer : torch::nn::Module {
    explicit Layer(int64_t in) { linear = register_module("linear", torch::nn::Linear(in, 8)); }
    torch::nn::Linear linear{nullptr};
  };
  const c10::InferenceMode inference;
  Layer wide(64), narrow(16);
  const auto x = at::randn({2, 64});
  kernels::QuantizedWeights of_wide(wide, Quantization::int4);
  {
    const kernels::QuantizedScope scope(&of_wide);
    const auto y = kernels::linear(x, wide.linear->weight, wide.linear->bias);
    CHECK(at::equal(y, kernels::linear(x, kernels::int4_weight(wide.linear->weight), wide.linear->bias)));
    const auto other = wide.linear->weight.clone();
    CHECK(at::allclose(kernels::linear(x, other, {}), at::linear(x, other), 1e-5, 1e-6));
  }
  kernels::QuantizedWeights of_narrow(narrow, Quantization::int4);
  CHECK(of_narrow.find(narrow.linear->weight) == nullptr);
  CHECK(kernels::quantized_weights(narrow, Quantization::none) == nullptr);
}

}  // namespace arzoo::nn
