#include "runtime/recompute.h"

#include "support/test.h"

using namespace arzoo;
using runtime::RecomputeScope;

namespace {

/// A map with dropout, the gate as a second output; its mean square is the loss.
struct Toy {
  at::Tensor weight = at::linspace(-1.0, 1.0, 16).view({4, 4}).requires_grad_(true);
  at::Tensor x = at::linspace(0.0, 1.0, 8).view({2, 4}).requires_grad_(true);
  at::Tensor scale = at::full({}, 0.5).requires_grad_(true);

  std::vector<at::Tensor> gradients(bool again, int64_t* calls = nullptr) {
    torch::manual_seed(3);
    for (auto* tensor : {&weight, &x, &scale}) tensor->mutable_grad() = at::Tensor();
    const RecomputeScope scope(again);
    const auto block = [this, calls](const std::vector<at::Tensor>& inputs) {
      if (calls != nullptr) ++*calls;
      const auto mapped = at::dropout(at::linear(inputs[0], weight), 0.4, true);
      return std::vector<at::Tensor>{at::tanh(mapped * inputs[1]), at::sigmoid(mapped.detach()).argmax(1)};
    };
    // Two blocks that share their weight; the first one's input is the result of another operator.
    auto outputs = runtime::recomputed({x * 2.0, scale, at::Tensor()}, block);
    outputs = runtime::recomputed({outputs[0], scale, at::Tensor()}, block);
    const auto loss = outputs[0].square().mean() + at::rand({}) * outputs[0].sum();
    const auto next = at::rand({1});
    loss.backward();
    return {weight.grad(), x.grad(), scale.grad(), loss.detach(), next, at::rand({1})};
  }
};

}  // namespace

TEST_CASE("a block that is computed again has the same gradients and random numbers to the bit") {
  Toy toy;
  int64_t calls = 0;
  const auto plain = toy.gradients(false), again = toy.gradients(true, &calls);
  CHECK(calls == 4);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    CAPTURE(i);
    CHECK(at::equal(plain[i], again[i]));
  }
}

TEST_CASE("the results inside a block are freed after the forward pass") {
  const RecomputeScope scope(true);
  c10::weak_intrusive_ptr<c10::TensorImpl> inside(at::ones({1}).getIntrusivePtr());
  const auto weight = at::ones({4, 4}).requires_grad_(true);
  const auto out = runtime::recomputed(at::ones({2, 4}), [&](const at::Tensor& x) {
    const auto middle = at::linear(x, weight);
    inside = c10::weak_intrusive_ptr<c10::TensorImpl>(middle.getIntrusivePtr());
    return middle.exp();
  });
  CHECK(inside.expired());
  CHECK(out.requires_grad());
}

TEST_CASE("a block that uses a result of the pass which is not its input is a mistake") {
  const RecomputeScope scope(true);
  const auto weight = at::ones({4}).requires_grad_(true);
  const auto outside = weight * 2.0;
  CHECK_THROWS_AS(runtime::recomputed(at::ones({4}), [&](const at::Tensor& x) { return x * outside; }),
                  std::logic_error);
}

TEST_CASE("without a scope or without autograd a block runs once") {
  int64_t calls = 0;
  const auto block = [&](const at::Tensor& x) {
    ++calls;
    return x * 2.0;
  };
  CHECK(!runtime::recomputed(at::ones({1}), block).requires_grad());
  const RecomputeScope scope(true);
  const torch::NoGradGuard no_grad;
  runtime::recomputed(at::ones({1}), block);
  CHECK(calls == 2);
  CHECK(!scope.was_used());
}
