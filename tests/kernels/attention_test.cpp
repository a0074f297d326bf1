#include "kernels/attention.h"

#include <numbers>

#include "kernels/fused_attention.h"
#include "kernels/linear.h"
#include "kernels/residual_norm.h"
#include "nn/packed_linear.h"
#include "support/tensors.h"
#include "support/test.h"

using namespace arzoo;
using test::worst;

namespace {

at::Tensor by_definition(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return at::softmax(q.matmul(k.transpose(-2, -1)) / std::sqrt(double(q.size(-1))), -1).matmul(v);
}

}  // namespace

TEST_CASE("attention among few tokens equals its definition") {
  const auto [queries, keys, width] = GENERATE(
      table<int64_t, int64_t, int64_t>({{11, 11, 32}, {1, 64, 7}, {5, 17, 256}, {64, 1, 8}, {33, 300, 40}}));
  torch::manual_seed(1);
  const auto q = at::randn({3, 2, queries, width}), k = at::randn({3, 2, keys, width}),
             v = at::randn({3, 2, keys, width});
  c10::InferenceMode inference;
  REQUIRE(kernels::fits_fused_attention(q, k, v));
  CHECK(worst(kernels::attention(q, k, v), by_definition(q, k, v)) < 2e-6);
  const auto packed = at::randn({3, keys, 3, 2, width});
  const auto view = [&](int64_t i) { return packed.select(2, i).transpose(1, 2); };
  const kernels::FusedMode mode{false, 1.0 / std::sqrt(double(width))};
  CHECK(worst(kernels::fused_attention(view(0), view(1), view(2), mode),
              by_definition(view(0), view(1), view(2))) < 2e-6);
}

TEST_CASE("large scores neither overflow nor lose the largest") {
  c10::InferenceMode inference;
  const auto q = at::full({1, 1, 2, 4}, 100.0), k = at::zeros({1, 1, 3, 4});
  k.select(2, 1).fill_(100.0);
  const auto v = at::arange(12, at::kFloat).view({1, 1, 3, 4});
  CHECK(worst(kernels::fused_attention(q, k, v, {false, 0.5}), v.narrow(2, 1, 1).expand({1, 1, 2, 4})) <
        1e-6);
}

TEST_CASE("a causal query sees no later key") {
  torch::manual_seed(2);
  const auto q = at::randn({1, 2, 6, 8}), k = at::randn({1, 2, 6, 8}), v = at::randn({1, 2, 6, 8});
  const auto changed = v.clone();
  changed.narrow(2, 4, 2).fill_(99);
  const kernels::AttentionMode causal{.causal = true};
  CHECK(at::equal(kernels::attention(q, k, v, causal).narrow(2, 0, 4),
                  kernels::attention(q, k, changed, causal).narrow(2, 0, 4)));
  CHECK(kernels::attention_weights(q, k, causal).triu(1).abs().max().item<double>() == 0.0);
}

TEST_CASE("causal attention in inference equals its definition, also behind a cache of earlier tokens") {
  const auto [queries, keys, width] = GENERATE(
      table<int64_t, int64_t, int64_t>({{1, 9, 8}, {6, 6, 8}, {37, 101, 32}, {130, 130, 33}, {5, 300, 128}}));
  torch::manual_seed(6);
  const auto q = at::randn({2, 3, queries, width}), k = at::randn({2, 3, keys, width}),
             v = at::randn({2, 3, keys, width});
  const kernels::AttentionMode causal{.causal = true};
  const auto expected = kernels::attention_weights(q, k, causal).matmul(v);
  CHECK(worst(kernels::attention(q, k, v, causal), expected) < 2e-6);
  c10::InferenceMode inference;
  CHECK(worst(kernels::attention(q, k, v, causal), expected) < 2e-6);
}

TEST_CASE("a step of generation reads the cache, and a query's result does not depend on its company") {
  const auto type = GENERATE(at::kFloat, at::kBFloat16);
  const int64_t width = GENERATE(8, 33, 64, 128), keys = GENERATE(9, 700);
  torch::manual_seed(7);
  // As a cache lies in memory: with room behind its keys.
  const auto storage = at::randn({2, 3, keys + 5, width}).to(type);
  const auto k = storage.narrow(2, 0, keys), v = (storage * 0.5).narrow(2, 0, keys);
  const auto q = at::randn({2, 3, 6, width}).to(type);
  c10::InferenceMode inference;
  const kernels::AttentionMode causal{.causal = true};
  const auto wide = [](const at::Tensor& x) { return x.to(at::kFloat); };
  const auto window = kernels::attention(q, k, v, causal);
  const auto expected = kernels::attention_weights(wide(q), wide(k), causal).matmul(wide(v));
  CHECK(worst(wide(window), expected) < (type == at::kFloat ? 2e-6 : 2e-2));
  for (int64_t i = 0; i < 6; ++i) {
    const int64_t seen = keys - 5 + i;
    CHECK(at::equal(kernels::attention(q.narrow(2, i, 1), k.narrow(2, 0, seen), v.narrow(2, 0, seen), causal),
                    window.narrow(2, i, 1)));
  }
}

TEST_CASE("packed projections equal the single ones, in inference and in training, before and after a move") {
  torch::manual_seed(3);
  std::vector<torch::nn::Linear> layers{torch::nn::Linear(6, 4), torch::nn::Linear(6, 4),
                                        torch::nn::Linear(6, 5)};
  const auto x = at::randn({2, 3, 6});
  const auto single = at::cat({layers[0](x), layers[1](x), layers[2](x)}, -1);
  nn::pack(layers);
  CHECK(worst(nn::packed_linear(x, layers), single) < 1e-6);
  {
    c10::InferenceMode inference;
    CHECK(worst(nn::packed_linear(x, layers), single) < 1e-6);
  }
  nn::packed_linear(x, layers).sum().backward();
  for (const auto& layer : layers) CHECK(layer->weight.grad().sizes() == layer->weight.sizes());
  layers[1]->to(at::kDouble);
  layers[1]->to(at::kFloat);
  c10::InferenceMode inference;
  CHECK(worst(nn::packed_linear(x, layers), single) < 1e-6);
}

TEST_CASE("fused linear maps equal LibTorch's") {
  const auto after = GENERATE(kernels::Activation::none, kernels::Activation::relu, kernels::Activation::gelu,
                              kernels::Activation::gelu_tanh);
  torch::manual_seed(4);
  const auto x = at::randn({2, 7, 20}), weight = at::randn({11, 20}), bias = at::randn({11});
  const auto expected = kernels::linear(x, weight, bias, after);
  c10::InferenceMode inference;
  CHECK(worst(kernels::linear(x, weight, bias, after), expected) < 1e-5);
  CHECK(worst(kernels::linear(x, weight, {}), at::linear(x, weight)) < 1e-5);
}

TEST_CASE("the fused end of a sub-layer equals its parts") {
  const int64_t width = GENERATE(3, 16, 37, 256);
  torch::manual_seed(5);
  torch::nn::LayerNorm norm(torch::nn::LayerNormOptions({width}));
  torch::NoGradGuard no_grad;
  norm->weight.normal_();
  norm->bias.normal_();
  norm->eval();
  const auto x = at::randn({4, 5, width}).add(3), y = at::randn({4, 5, 9}), weight = at::randn({width, 9}),
             bias = at::randn({width});
  CHECK(worst(kernels::residual_norm(x, y, weight, bias, 0.1, norm), norm(x + at::linear(y, weight, bias))) <
        1e-5);
}

TEST_CASE(
    "a causal bias hides the future and masked keys, and a row that sees nothing attends to all keys "
    "evenly") {
  const auto type = GENERATE(at::kFloat, at::kBFloat16, at::kHalf);
  const auto kept = at::tensor({0, 1, 1, 1}).view({1, 4});
  const auto bias = kernels::causal_bias(4, 4, kept, at::TensorOptions(type));
  // A kernel may take the scores in powers of two.
  CHECK((bias * std::numbers::log2e).isfinite().all().item<bool>());
  const auto seen = at::softmax((at::randn({1, 1, 4, 4}).to(type) + bias).to(at::kFloat), -1)[0][0];
  CHECK(at::allclose(seen[0], at::full({4}, 0.25)));
  CHECK(seen[1][1].item<double>() == 1.0);
  CHECK(seen[2][0].item<double>() == 0.0);
  CHECK(seen[2][3].item<double>() == 0.0);
}

TEST_CASE("training in bf16 has the gradients of fp32, with and without a bias") {
  const bool biased = GENERATE(false, true);
  torch::manual_seed(6);
  const auto sample = [] { return at::randn({2, 3, 7, 8}).to(at::kBFloat16); };
  const auto q = sample(), k = sample(), v = sample(), weights = at::randn({2, 3, 7, 8});
  const auto gradient = [&](at::ScalarType type) {
    const auto x = q.to(type).requires_grad_();
    kernels::AttentionMode mode{.causal = !biased, .training = true};
    if (biased) mode.bias = kernels::causal_bias(7, 7, {}, x.detach().options());
    const auto out = kernels::attention(x, k.to(type), v.to(type), mode);
    CHECK(out.scalar_type() == type);
    return torch::autograd::grad({(out.to(at::kFloat) * weights).sum()}, {x})[0].to(at::kFloat);
  };
  CHECK(at::allclose(gradient(at::kBFloat16), gradient(at::kFloat), 2e-2, 1e-2));
}

TEST_CASE("attention of no query, and of no head, is empty") {
  const auto [batch, heads, queries] =
      GENERATE(table<int64_t, int64_t, int64_t>({{2, 3, 0}, {0, 3, 4}, {2, 0, 4}}));
  c10::InferenceMode inference;
  const auto q = at::randn({batch, heads, queries, 8}), k = at::randn({batch, heads, 5, 8});
  CHECK(kernels::fused_attention(q, k, k, {false, 1.0}).sizes() == q.sizes());
}
