#include "kernels/attention.h"
#include "kernels/fused_attention.h"
#include "kernels/hidden_layer.h"
#include "kernels/mesa_attention.h"
#include "kernels/quantized_weights.h"
#include "nn/conv_blocks.h"
#include "nn/linear_layer.h"
#include "nn/packed_linear.h"
#include "nn/sparse_experts.h"
#include "support/flops.h"
#include "support/test.h"

using namespace arzoo;
using test::flops_of;

// Each kernel of this program's own against a count by hand: two for each multiply-add of a product.

TEST_CASE("a linear map counts the same in each of its kernels") {
  const torch::NoGradGuard no_grad;
  const auto x = at::rand({2, 3, 8});
  const double by_hand = 2.0 * (2 * 3) * 8 * 5;
  nn::LinearLayer layer(8, 5);
  layer.weight().set_data(at::rand({5, 8}));
  layer.bias().set_data(at::rand({5}));
  CHECK(flops_of([&] { layer.forward(x, kernels::Activation::gelu); }) == by_hand);
  CHECK(flops_of([&] { at::linear(x, layer.weight(), layer.bias()); }) == by_hand);
  CHECK(flops_of([&] {
          kernels::hidden_layer(x, layer.weight(), layer.bias(), kernels::Activation::gelu, 0.0, false);
        }) == by_hand);
  kernels::QuantizedWeights weights(layer, Quantization::int8);
  {
    const kernels::QuantizedScope scope(&weights);
    CHECK(flops_of([&] { layer.forward(x); }) == by_hand);
  }
  layer.pack();
  CHECK(flops_of([&] { layer.forward(x, kernels::Activation::relu); }) == by_hand);
}

TEST_CASE("projections that share an input count each of them") {
  std::vector<torch::nn::Linear> layers;
  for (const int64_t out : {5, 6, 7}) layers.emplace_back(8, out);
  const auto x = at::rand({2, 3, 8});
  CHECK(flops_of([&] { nn::packed_linear(x, layers); }) == 2.0 * (2 * 3) * 8 * (5 + 6 + 7));
  const torch::NoGradGuard no_grad;
  nn::pack(layers);
  CHECK(flops_of([&] { nn::packed_linear(x, layers); }) == 2.0 * (2 * 3) * 8 * (5 + 6 + 7));
}

TEST_CASE("a packed convolution counts a filter for each element of its output") {
  const auto type = GENERATE(at::kFloat, at::kBFloat16);
  const auto [stride, padding, out_height, out_width] =
      GENERATE(table<int64_t, int64_t, int64_t, int64_t>({{1, 1, 10, 12}, {2, 0, 4, 5}, {2, 1, 5, 6}}));
  const torch::NoGradGuard no_grad;
  nn::Conv2d convolution({.in = 16, .out = 24, .kernel = 3, .stride = stride, .padding = padding});
  convolution.initialise();
  convolution.to(type);
  const auto x = at::rand({2, 16, 10, 12}).to(type).contiguous(at::MemoryFormat::ChannelsLast);
  const double by_hand = 2.0 * (2 * 24 * static_cast<double>(out_height * out_width)) * (16 * 3 * 3);
  CHECK(flops_of([&] { convolution.forward(x); }) == by_hand);
  convolution.pack();
  convolution.forward(x);  // packs now, when it knows the input's size
  CHECK(flops_of([&] { convolution.forward(x); }) == by_hand);
}

TEST_CASE("an upsampling packed by parity counts its four small convolutions") {
  const torch::NoGradGuard no_grad;
  nn::Upsample up(32);
  nn::initialise_convolutions(up);
  const auto x = at::rand({1, 32, 6, 8}).contiguous(at::MemoryFormat::ChannelsLast);
  CHECK(flops_of([&] { up.forward(x); }) == 2.0 * (32 * 12 * 16) * (32 * 3 * 3));
  up.pack();
  up.forward(x);
  CHECK(flops_of([&] { up.forward(x); }) == 4 * 2.0 * (32 * 7 * 9) * (32 * 2 * 2));
}

TEST_CASE("attention in one pass counts the keys that each query sees") {
  const torch::NoGradGuard no_grad;
  const auto q = at::rand({2, 3, 5, 16}), k = at::rand({2, 3, 9, 16});
  REQUIRE(kernels::fits_fused_attention(q, k, k));
  CHECK(flops_of([&] { kernels::attention(q, k, k); }) == 2.0 * 2 * (2 * 3) * (5 * 9) * 16);
  // Query i of 5 stands at place 4 + i of 9 and sees 5 + i keys.
  const double pairs = 5 + 6 + 7 + 8 + 9;
  CHECK(flops_of([&] { kernels::attention(q, k, k, {.causal = true}); }) == 2.0 * 2 * (2 * 3) * pairs * 16);
}

TEST_CASE("attention in one pass counts as its products do one by one") {
  const torch::NoGradGuard no_grad;
  const auto q = at::rand({1, 2, 7, 8}), v = at::rand({1, 2, 7, 8});
  const double composed = flops_of([&] { at::matmul(kernels::attention_weights(q, q), v); });
  CHECK(flops_of([&] { kernels::attention(q, q, v); }) == composed);
}

TEST_CASE("the mesa layer counts a linear system for each token") {
  const torch::NoGradGuard no_grad;
  const auto x = at::rand({2, 3, 4, 6}), lambdas = at::ones({3});
  const double tokens = 2 * 3 * 4;
  CHECK(flops_of([&] { kernels::mesa_attention(x, x, x, lambdas); }) ==
        Approx(tokens * (2.0 / 3 * 6 * 6 * 6 + 2 * 6 * 6 + 2 * 6 * 6)));
}

TEST_CASE("a mixture of experts counts the experts that its tokens visit") {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(3);
  nn::SparseExperts experts(
      {.width = 8, .expert_width = 4, .shared_width = 16, .num_experts = 5, .num_experts_per_tok = 2});
  const double routed = 2.0 * 3 * 8 * 4 * 2, shared = 2.0 * 3 * 8 * 16, gates = 2.0 * 8 * (5 + 1);
  CHECK(flops_of([&] { experts.forward(at::rand({11, 8})); }) == 11 * (routed + shared + gates));
}
