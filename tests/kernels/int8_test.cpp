#include "kernels/int8.h"
#include "kernels/quantized_weights.h"

#include <torch/torch.h>

#include <limits>

#include "kernels/int8_products.h"
#include "support/test.h"

namespace arzoo::nn {
namespace {

at::Tensor restored(const kernels::Int8Matrix& matrix) {
  return matrix.values.to(at::kFloat) * matrix.scales.unsqueeze(1);
}

struct Layer : torch::nn::Module {
  Layer(int64_t in, int64_t out) { linear = register_module("linear", torch::nn::Linear(in, out)); }
  torch::nn::Linear linear{nullptr};
};

at::Tensor in_int8(Layer& layer, const at::Tensor& x, kernels::Activation after = kernels::Activation::none) {
  const c10::InferenceMode inference;
  kernels::QuantizedWeights weights(layer, Quantization::int8);
  const kernels::QuantizedScope scope(&weights);
  return kernels::linear(x, layer.linear->weight, layer.linear->bias, after);
}

}  // namespace

TEST_CASE("rounding to 8 bits errs by at most half a step of each row") {
  torch::manual_seed(1);
  const auto x = at::randn({7, 33}) * at::tensor({1e-6, 1e-3, 1.0, 1e3, 1e6, 3.0, 0.0}).unsqueeze(1);
  const auto matrix = kernels::quantize_rows(x.to(at::kFloat));
  const auto error = (restored(matrix) - x.to(at::kFloat)).abs();
  CHECK((error <= 0.5001 * matrix.scales.unsqueeze(1)).all().item<bool>());
  CHECK(matrix.values.abs().max().item<int>() == 127);
}

TEST_CASE("a row with a value that is not finite stays not finite, and the others are untouched") {
  auto x = at::ones({3, 4});
  x[1][2] = GENERATE(std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity());
  const auto y = restored(kernels::quantize_rows(x));
  CHECK(y[1].isnan().all().item<bool>());
  CHECK(at::allclose(y[0], x[0]));
}

TEST_CASE("a linear map in 8 bits is the map of the rounded operands") {
  torch::manual_seed(2);
  const auto [in, out] = GENERATE(table<int64_t, int64_t>({{64, 32}, {17, 5}, {1, 1}, {256, 257}}));
  const auto after = GENERATE(kernels::Activation::none, kernels::Activation::relu, kernels::Activation::gelu,
                              kernels::Activation::gelu_tanh);
  Layer layer(in, out);
  const auto x = at::randn({3, 5, in});
  const auto y = in_int8(layer, x, after);
  const auto operand = restored(kernels::quantize_rows(x.reshape({-1, in}))).reshape({3, 5, in});
  const auto expected = kernels::linear(
      operand, restored(kernels::quantize_rows(layer.linear->weight.detach())), layer.linear->bias, after);
  CHECK(at::allclose(y, expected.detach(), 1e-4, 1e-4));
}

TEST_CASE("sums of 8-bit products are exact, for any numbers of rows and columns") {
  const auto [rows, columns, width] = GENERATE(table<int64_t, int64_t, int64_t>({{1, 9, 768},
                                                                                 {2, 5, 100},
                                                                                 {3, 4, 64},
                                                                                 {4, 7, 33},
                                                                                 {5, 3, 16},
                                                                                 {7, 17, 2100},
                                                                                 {64, 33, 1},
                                                                                 {97, 48, 515}}));
  torch::manual_seed(8);
  // The largest magnitudes of all, whose neighbouring products would saturate 16 bits.
  const auto x = at::randint(0, 2, {rows, width}, at::kShort).mul_(254).sub_(127);
  const auto w = at::randint(0, 2, {columns, width}, at::kChar).mul_(127).sub_(at::full({}, 127, at::kChar));
  auto sums = at::full({rows, columns + 2}, -1, at::kInt);
  const auto* from = x.const_data_ptr<int16_t>();
  const kernels::Int8Block block{rows, columns, width};
  if (rows <= kernels::kFewInt8Rows) {
    kernels::int8_sums_of_few(from, w.const_data_ptr<int8_t>(), block, sums.mutable_data_ptr<int32_t>(),
                              columns + 2);
  } else {
    std::vector<int16_t> ordered(rows * kernels::interleaved_width(width));
    kernels::interleave_rows(from, rows, width, ordered.data());
    kernels::int8_sums(ordered.data(), w.const_data_ptr<int8_t>(), block, sums.mutable_data_ptr<int32_t>(),
                       columns + 2);
  }
  CHECK(at::equal(sums.narrow(1, 0, columns), x.to(at::kInt).matmul(w.to(at::kInt).t())));
  CHECK((sums.narrow(1, columns, 2) == -1).all().item<bool>());
}

TEST_CASE("a product of blocks equals LibTorch's, epilogue included") {
  torch::manual_seed(9);
  const auto [rows, in, out] =
      GENERATE(table<int64_t, int64_t, int64_t>({{1, 768, 130}, {6, 48, 300}, {150, 1030, 129}}));
  const auto type = GENERATE(at::kFloat, at::kBFloat16);
  Layer layer(in, out);
  const auto x = at::randn({rows, in}).to(type);
  const auto left = kernels::quantize_rows(x), right = kernels::quantize_rows(layer.linear->weight.detach());
  const auto sums = left.values.to(at::kInt).matmul(right.values.to(at::kInt).t()).to(at::kDouble);
  const auto expected =
      sums * left.scales.unsqueeze(1) * right.scales + layer.linear->bias.detach().to(at::kDouble);
  const auto y = in_int8(layer, x);
  CHECK(y.scalar_type() == type);
  const double near = type == at::kFloat ? 1e-6 : 8e-3;
  CHECK(at::allclose(y.to(at::kDouble), expected, near, near));
}

TEST_CASE("a weight that is one tensor of 8 bits gives what the scope gives, and its rows are the table's") {
  torch::manual_seed(10);
  Layer layer(40, 24);
  const auto x = at::randn({3, 40});
  const auto whole = in_int8(layer, x);
  const auto packed = kernels::int8_weight(layer.linear->weight);
  CHECK(packed.sizes() == layer.linear->weight.sizes());
  const c10::InferenceMode inference;
  CHECK(at::equal(kernels::linear(x, packed, layer.linear->bias), whole));
  const auto ids = at::tensor({3, 0, 23, 3}, at::kLong).view({2, 2});
  CHECK(at::equal(kernels::int8_rows(packed, ids), restored(kernels::int8_operands(packed)).index({ids})));
}

TEST_CASE("a map of a single number stays in full precision") {
  torch::manual_seed(4);
  Layer layer(1, 9);
  const auto x = at::randn({5, 1});
  const torch::NoGradGuard no_grad;
  CHECK(at::allclose(in_int8(layer, x), at::linear(x, layer.linear->weight, layer.linear->bias)));
}

TEST_CASE("in 8 bits a sample's result does not depend on its batch") {
  torch::manual_seed(3);
  Layer layer(96, 64);
  const auto x = at::randn({40, 96}) * at::logspace(-2, 2, 40).unsqueeze(1);
  const auto whole = in_int8(layer, x);
  for (int64_t i = 0; i < 40; i += 13) CHECK(at::equal(whole[i], in_int8(layer, x.narrow(0, i, 1))[0]));
}

TEST_CASE("in 8 bits rows that are held in several pieces are those of one piece") {
  torch::manual_seed(6);
  Layer layer(8, 600);
  const auto x = at::randn({9000, 8});  // 5.4 million sums
  const auto whole = in_int8(layer, x);
  CHECK(at::equal(whole.narrow(0, 6000, 3000), in_int8(layer, x.narrow(0, 6000, 3000))));
  CHECK(in_int8(layer, x.narrow(0, 0, 0)).sizes() == at::IntArrayRef({0, 600}));
}

TEST_CASE("8-bit weights serve parameters alone, in inference alone") {
  Layer layer(16, 16);
  kernels::QuantizedWeights weights(layer, Quantization::int8);
  const kernels::QuantizedScope scope(&weights);
  const auto x = at::randn({2, 16});
  CHECK(kernels::quantized_form(x, layer.linear->weight) == nullptr);  // autograd is on
  const c10::InferenceMode inference;
  CHECK(kernels::quantized_form(x, layer.linear->weight) != nullptr);
  CHECK(kernels::quantized_form(x, layer.linear->weight.narrow(0, 0, 8)) != nullptr);
  CHECK(kernels::quantized_form(x, at::randn({16, 16})) == nullptr);
  const kernels::QuantizedScope none(nullptr);
  CHECK(kernels::quantized_form(x, layer.linear->weight) != nullptr);  // nullptr changes nothing
}

}  // namespace arzoo::nn
