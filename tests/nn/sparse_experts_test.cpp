#include "nn/sparse_experts.h"

#include "support/test.h"

using namespace arzoo;

namespace {

nn::SparseExperts experts_of(int64_t count, int64_t chosen) {
  torch::manual_seed(4);
  return nn::SparseExperts({.width = 6,
                            .expert_width = 5,
                            .shared_width = 10,
                            .num_experts = count,
                            .num_experts_per_tok = chosen});
}

at::Tensor parameter(const nn::SparseExperts& experts, const std::string& name) {
  return experts.named_parameters()[name];
}

at::Tensor one_expert(const nn::SparseExperts& experts, const std::string& name, const at::Tensor& x) {
  const auto weight = [&](const char* part) { return parameter(experts, name + "." + part + ".weight"); };
  return at::linear(at::silu(at::linear(x, weight("gate_proj"))) * at::linear(x, weight("up_proj")),
                    weight("down_proj"));
}

/// Token by token, as the formula stands in the paper.
at::Tensor by_hand(const nn::SparseExperts& experts, const at::Tensor& tokens, int64_t chosen) {
  std::vector<at::Tensor> rows;
  for (int64_t n = 0; n < tokens.size(0); ++n) {
    const auto u = tokens[n];
    const auto probabilities = at::softmax(at::linear(u, parameter(experts, "gate.weight")), -1);
    const auto [weights, indices] = probabilities.topk(chosen);
    auto sum = at::sigmoid(at::linear(u, parameter(experts, "shared_expert_gate.weight"))) *
               one_expert(experts, "shared_expert", u);
    for (int64_t k = 0; k < chosen; ++k) {
      sum = sum + weights[k] * one_expert(experts, fmt::format("experts.{}", indices[k].item<int64_t>()), u);
    }
    rows.push_back(sum);
  }
  return at::stack(rows);
}

}  // namespace

TEST_CASE("sorted experts give what each token's own experts give, with and without autograd") {
  const auto [count, chosen] = GENERATE(table<int64_t, int64_t>({{4, 2}, {4, 1}, {3, 3}, {1, 1}}));
  auto experts = experts_of(count, chosen);
  const auto tokens = at::randn({17, 6});
  const auto expected = by_hand(experts, tokens, chosen);
  CHECK(at::allclose(experts.forward(tokens), expected, 1e-5, 1e-6));
  const c10::InferenceMode inference;
  CHECK(at::allclose(experts.forward(tokens), expected, 1e-5, 1e-6));
}

TEST_CASE("gradients of sorted experts are those of the formula") {
  auto experts = experts_of(4, 2);
  const auto tokens = at::randn({17, 6});
  const auto gradients = [&](const at::Tensor& out) {
    const auto parameters = experts.parameters();
    return torch::autograd::grad({out.square().sum()}, {parameters.begin(), parameters.end()}, {}, {}, false,
                                 /*allow_unused=*/true);
  };
  const auto sorted = gradients(experts.forward(tokens)), formula = gradients(by_hand(experts, tokens, 2));
  for (std::size_t i = 0; i < sorted.size(); ++i)
    CHECK(at::allclose(sorted[i], formula[i].defined() ? formula[i] : at::zeros_like(sorted[i]), 1e-4, 1e-5));
}

TEST_CASE("an expert without tokens has a gradient of zeros in training") {
  auto experts = experts_of(8, 1);
  experts.forward(at::randn({1, 6})).sum().backward();
  int without = 0;
  for (int e = 0; e < 8; ++e) {
    const auto gradient = parameter(experts, fmt::format("experts.{}.up_proj.weight", e)).grad();
    REQUIRE(gradient.defined());
    without += gradient.abs().sum().item<double>() == 0.0 ? 1 : 0;
  }
  CHECK(without == 7);
}

TEST_CASE("the router's weights are probabilities among all experts, not renormalised") {
  auto experts = experts_of(5, 2);
  nn::Routing routing;
  experts.forward(at::randn({9, 6}), &routing);
  const auto all = at::softmax(routing.logits, -1);
  CHECK(at::allclose(routing.weights, all.gather(1, routing.experts)));
  CHECK((routing.weights.sum(1) < 0.999).all().item<bool>());
}

TEST_CASE("a token passes by the experts that it does not visit") {
  const auto experts = experts_of(4, 3);
  const int64_t of_expert = 3 * 6 * 5;
  CHECK(experts.idle_parameters() == of_expert);
  torch::nn::Sequential model(torch::nn::Linear(6, 6));
  CHECK(nn::idle_parameters(*model) == 0);
  model->push_back(std::make_shared<nn::SparseExperts>(experts_of(5, 1)));
  CHECK(nn::idle_parameters(*model) == 4 * of_expert);
}

TEST_CASE("stacked experts give what each expert gives, with rows for some of them alone") {
  auto experts = nn::SparseExperts(
      {.width = 16, .expert_width = 8, .shared_width = 10, .num_experts = 4, .num_experts_per_tok = 2});
  const auto names = experts.named_parameters();
  const auto rows = at::randn({9, 16});
  const auto ends = at::tensor({3, 3, 8, 9}, at::kInt);
  std::vector<at::Tensor> expected;
  int64_t first = 0;
  for (int64_t e = 0; e < 4; ++e) {
    const auto end = ends[e].item<int64_t>();
    expected.push_back(one_expert(experts, fmt::format("experts.{}", e), rows.narrow(0, first, end - first)));
    first = end;
  }
  const torch::NoGradGuard no_grad;
  const auto& stacked = experts.stacked();
  CHECK(at::allclose(stacked.forward(rows, ends), at::cat(expected), 1e-5, 1e-6));
  // The weights are the stack's parts, until they lie elsewhere.
  const auto weight = parameter(experts, "experts.2.up_proj.weight");
  CHECK(weight.storage().is_alias_of(stacked.up.storage()));
  CHECK(at::equal(weight.t(), stacked.up[2]));
  experts.to(at::kDouble);
  CHECK(experts.stacked().up.scalar_type() == at::kDouble);
}
