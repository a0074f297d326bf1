#include "kernels/hidden_layer.h"

#include "support/test.h"

using namespace arzoo;
using kernels::Activation;

namespace {

at::Tensor literal(const at::Tensor& x, kernels::Activation after) {
  return after == Activation::relu ? at::relu(x)
                                   : at::gelu(x, after == Activation::gelu_tanh ? "tanh" : "none");
}

}  // namespace

TEST_CASE("activations equal LibTorch's in double precision over their whole range, and so do their slopes") {
  const auto after = GENERATE(Activation::gelu, Activation::gelu_tanh, Activation::relu);
  auto x = at::linspace(-20, 20, 100001).unsqueeze(1).requires_grad_();
  const auto one = at::ones({1, 1});
  const auto ours = kernels::hidden_layer(x, one, {}, after, 0.0, true),
             theirs = literal(x.to(at::kDouble), after);
  CHECK(((ours - theirs).abs() / (x.abs() + 1)).max().item<double>() < 4e-7);
  const auto gradient = torch::autograd::grad({ours.sum()}, {x})[0],
             expected = torch::autograd::grad({theirs.sum()}, {x})[0];
  CHECK((gradient - expected).abs().max().item<double>() < 1e-6);
}

TEST_CASE(
    "a hidden layer in training equals inference but for the dropped elements, whose gradient is zero") {
  const auto after = GENERATE(Activation::gelu, Activation::gelu_tanh, Activation::relu);
  const auto type = GENERATE(at::kFloat, at::kBFloat16);
  torch::manual_seed(1);
  const auto weight = at::randn({300, 16}).to(type), bias = at::randn({300}).to(type);
  auto x = at::randn({4, 50, 16}).to(type).requires_grad_();
  const auto product = at::linear(x.detach(), weight, bias);
  const auto whole = literal(product.to(at::kFloat), after);
  const auto out = kernels::hidden_layer(x, weight, bias, after, 0.25, true);
  REQUIRE(out.scalar_type() == type);
  const auto kept = out.ne(0).logical_or(whole.eq(0));
  CHECK(kept.to(at::kDouble).mean().item<double>() > 0.7);
  const double tolerance = type == at::kFloat ? 1e-5 : 1e-2;
  CHECK(at::allclose(out.to(at::kFloat), whole * kept / 0.75, tolerance, tolerance));
  {
    const c10::InferenceMode inference;
    CHECK(at::allclose(kernels::hidden_layer(x, weight, bias, after, 0.25, false).to(at::kFloat), whole,
                       tolerance, tolerance));
  }
  auto inner = product.detach().requires_grad_();
  const auto mask = out.ne(0).to(at::kFloat) / 0.75;
  const auto expected = at::matmul(
      torch::autograd::grad({(literal(inner.to(at::kFloat), after) * mask).sum()}, {inner})[0], weight);
  const auto gradient = torch::autograd::grad({out.sum()}, {x})[0];
  CHECK(at::allclose(gradient.to(at::kFloat), expected.to(at::kFloat), 10 * tolerance, 30 * tolerance));
}

TEST_CASE("other types take LibTorch's operations") {
  const auto x = at::randn({3, 4}, at::kDouble), weight = at::randn({5, 4}, at::kDouble);
  const auto out = kernels::hidden_layer(x, weight, {}, Activation::gelu, 0.0, true);
  CHECK(at::allclose(out, at::gelu(at::linear(x, weight))));
}
