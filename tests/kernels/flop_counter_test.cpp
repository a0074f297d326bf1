#include "kernels/flop_counter.h"

#include <stdexcept>
#include <thread>

#include "runtime/autocast.h"
#include "runtime/gemm_peak.h"
#include "support/flops.h"
#include "support/test.h"

using namespace arzoo;
using namespace arzoo::kernels;
using namespace arzoo::runtime;

using test::flops_of;

TEST_CASE("a product counts two operations for each multiply-add") {
  const auto a = at::rand({3, 5}), b = at::rand({5, 7}), bias = at::rand({7});
  const auto batch_a = at::rand({2, 3, 5}), batch_b = at::rand({2, 5, 7});
  CHECK(flops_of([&] { at::mm(a, b); }) == 2 * 3 * 5 * 7);
  CHECK(flops_of([&] { at::addmm(bias, a, b); }) == 2 * 3 * 5 * 7);
  CHECK(flops_of([&] { at::bmm(batch_a, batch_b); }) == 2 * 2 * 3 * 5 * 7);
  CHECK(flops_of([&] { at::baddbmm(at::zeros({2, 3, 7}), batch_a, batch_b); }) == 2 * 2 * 3 * 5 * 7);
  CHECK(flops_of([&] { at::linear(batch_a, at::rand({7, 5}), bias); }) == 2 * 2 * 3 * 5 * 7);
}

TEST_CASE("a matrix times a vector counts a multiply-add for each of its elements") {
  const auto matrix = at::rand({7, 5}), x = at::rand({5}), bias = at::rand({7});
  CHECK(flops_of([&] { at::mv(matrix, x); }) == 2 * 7 * 5);
  CHECK(flops_of([&] { at::addmv(bias, matrix, x); }) == 2 * 7 * 5);
  CHECK(flops_of([&] { at::matmul(matrix, x); }) == 2 * 7 * 5);
  CHECK(flops_of([&] { at::linear(x, matrix, bias); }) == 2 * 7 * 5);
  CHECK(flops_of([&] { at::dot(x, x); }) == 2 * 5);
}

TEST_CASE("linear systems count the elimination and two triangular solves") {
  const auto a = at::rand({2, 6, 6}) + 6 * at::eye(6), b = at::rand({2, 6, 3});
  CHECK(flops_of([&] { at::linalg_solve(a, b); }) == Approx(2 * (2.0 / 3 * 6 * 6 * 6 + 2 * 6 * 6 * 3)));
  CHECK(flops_of([&] { at::linalg_inv(a); }) == Approx(2 * (2.0 * 6 * 6 * 6)));
}

TEST_CASE("elementwise work counts nothing") {
  const auto a = at::rand({16, 16});
  CHECK(flops_of([&] { at::softmax((a + a).tanh(), -1).sum(); }) == 0);
}

TEST_CASE("a backward pass counts a product for each gradient") {
  const auto x = at::rand({4, 8}).requires_grad_(true), weight = at::rand({8, 6}).requires_grad_(true);
  CHECK(flops_of([&] { at::mm(x, weight).sum().backward(); }) == 3 * 2 * 4 * 8 * 6);
  CHECK(flops_of([&] { at::mm(x.detach(), weight).sum().backward(); }) == 2 * 2 * 4 * 8 * 6);
}

TEST_CASE("a product that autocast repeats in another dtype counts once") {
  const auto a = at::rand({3, 5}), b = at::rand({5, 7});
  CHECK(flops_of([&] {
          const Autocast autocast(at::kCPU, at::kBFloat16);
          CHECK(at::mm(a, b).scalar_type() == at::kBFloat16);
        }) == 2 * 3 * 5 * 7);
}

TEST_CASE("a convolution counts a filter for each element of its output") {
  const auto x = at::rand({2, 4, 9, 9}), weight = at::rand({6, 4, 3, 3});
  const double per_element = 2 * 4 * 3 * 3;
  CHECK(flops_of([&] { at::conv2d(x, weight); }) == 2 * 6 * 7 * 7 * per_element);
  CHECK(flops_of([&] { at::conv2d(x, weight, {}, 2, 1); }) == 2 * 6 * 5 * 5 * per_element);
  CHECK(flops_of([&] { at::conv2d(x, weight, {}, 1, at::IntArrayRef{0}, 2); }) ==
        2 * 6 * 5 * 5 * per_element);
  CHECK(flops_of([&] {
          at::conv2d(x, at::rand({8, 2, 3, 3}), {}, 1, at::IntArrayRef{0}, 1, 2);
        }) == 2 * 8 * 7 * 7 * per_element / 2);
  CHECK(flops_of([&] { at::conv1d(at::rand({2, 4, 9}), at::rand({6, 4, 3})); }) == 2 * 6 * 7 * 2 * 4 * 3);
}

TEST_CASE("a transposed convolution counts a filter for each element of its input") {
  const auto x = at::rand({2, 4, 9}), weight = at::rand({4, 6, 3});
  CHECK(flops_of([&] { at::conv_transpose1d(x, weight, {}, 2); }) == 2.0 * (2 * 4 * 9) * (6 * 3));
}

TEST_CASE("a convolution's backward pass counts only the gradients that are wanted") {
  const auto x = at::rand({2, 4, 9}), weight = at::rand({6, 4, 3}).requires_grad_(true);
  const double forward = 2.0 * (2 * 6 * 7) * (4 * 3);
  CHECK(flops_of([&] { at::conv1d(x, weight).sum().backward(); }) == 2 * forward);
  const auto y = x.clone().requires_grad_(true);
  CHECK(flops_of([&] { at::conv1d(y, weight).sum().backward(); }) == 3 * forward);
}

TEST_CASE("fused attention counts the scores and their product with the values") {
  const auto q = at::rand({2, 3, 10, 8}), k = at::rand({2, 3, 12, 8}), v = at::rand({2, 3, 12, 8});
  const c10::InferenceMode inference;
  CHECK(flops_of([&] { at::scaled_dot_product_attention(q, k, v); }) == 2.0 * 2 * (2 * 3 * 10 * 12) * 8);
}

TEST_CASE("causal attention counts the keys that each query sees, backwards too") {
  const auto q = at::rand({2, 3, 10, 8}).requires_grad_(true),
             k = at::rand({2, 3, 10, 8}).requires_grad_(true);
  const double forward = 2.0 * 2 * (2 * 3 * (1 + 10) * 10 / 2) * 8;
  const auto attend = [&] { return at::scaled_dot_product_attention(q, k, k, {}, 0.0, true); };
  CHECK(flops_of([&] { attend(); }) == forward);
  CHECK(flops_of([&] { attend().sum().backward(); }) == 3.5 * forward);
}

TEST_CASE("a kernel's own report counts in the thread that counts") {
  count_flops(5);
  CHECK(flops_of([] { count_flops(7); }) == 7);
  CHECK(flops_of([] { std::thread([] { count_flops(7); }).join(); }) == 0);
}

TEST_CASE("another thread's products do not count") {
  const auto a = at::rand({8, 8});
  CHECK(flops_of([&] { std::thread([&] { at::mm(a, a); }).join(); }) == 0);
}

TEST_CASE("counting ends with the counter, and there is one at a time") {
  const auto a = at::rand({8, 8});
  {
    const FlopCounter counter;
    CHECK_THROWS_AS(FlopCounter(), std::logic_error);
    at::mm(a, a);
    CHECK(counter.flops() == 2 * 8 * 8 * 8);
  }
  at::mm(a, a);
  CHECK(flops_of([] {}) == 0);
  CHECK(flops_of([&] { at::mm(a, a); }) == 2 * 8 * 8 * 8);
}

TEST_CASE("measuring the peak gives a rate and leaves the seeded generator alone") {
  seed(3);
  const auto expected = at::rand({4});
  seed(3);
  const double peak = gemm_peak({}, 128);
  CHECK(peak > 0.0);
  CHECK(peak < 1e7);
  CHECK(at::equal(at::rand({4}), expected));
}
