// The kernels of the CUDA plug-in beside their twins on the CPU. Without a CUDA device there is nothing to
// compare, which the tests say.

#include <filesystem>
#include <optional>

#include "kernels/delayed_sum.h"
#include "kernels/dropout.h"
#include "kernels/random_numbers.h"
#include "kernels/sparsity_scores.h"
#include "nn/nearest_codes.h"
#include "nn/sparse_experts.h"
#include "nn/token_sampler.h"
#include "runtime/device.h"
#include "support/test.h"

using namespace arzoo;

namespace {

/// The CUDA device, opened; nothing where there is none.
std::optional<at::Device> cuda() {
  if (!std::filesystem::exists("/dev/nvidiactl")) {
    WARN("no CUDA device: its kernels are not compared");
    return std::nullopt;
  }
  return runtime::select_compute("cuda", "fp32").device;
}

void check_close(const at::Tensor& there, const at::Tensor& here, double tolerance) {
  CHECK(there.device().is_cuda());
  CHECK(at::allclose(there.cpu().to(at::kDouble), here.to(at::kDouble), tolerance, tolerance));
}

}  // namespace

TEST_CASE("random numbers on a device are those of the CPU, bit by bit where they are uniform") {
  const auto device = cuda();
  if (!device) return;
  const std::vector<uint64_t> streams{1, 7, ~uint64_t{0}};
  const auto here = kernels::streams_on(streams), there = kernels::streams_on(streams, *device);
  CHECK(at::equal(kernels::uniform_numbers(there, 5, 1000).cpu(), kernels::uniform_numbers(here, 5, 1000)));
  check_close(kernels::normal_numbers(there, 2, 30, 17), kernels::normal_numbers(here, 2, 30, 17), 1e-6);
  nn::SeededRandomInputs ours({3, 4}), theirs({3, 4});
  auto logits = at::randn({2, 200, 1000}), moved = logits.to(*device);
  const nn::TokenSampling sampling{.top_k = 50, .top_p = 0.9};
  nn::filter_logits(logits, sampling);
  nn::filter_logits(moved, sampling);
  CHECK(at::equal(theirs.pick(moved, 11).cpu(), ours.pick(logits, 11)));
}

TEST_CASE("delayed sums and products on a device are those of the CPU") {
  const auto device = cuda();
  if (!device) return;
  const auto [there, period, rows, width] = GENERATE(
      table<int64_t, int64_t, int64_t, int64_t>({{96, 96, 96, 64}, {36, 55, 55, 18}, {29, 29, 11, 1}}));
  const auto values = at::randn({3, there, width}), series = at::randn({3, period, width}),
             weights = at::randn({3, 7});
  const auto delays = at::randint(period, {3, 7}, at::kLong);
  const auto on = [&](const at::Tensor& x) { return x.to(*device); };
  check_close(kernels::delayed_sum(on(values), on(delays), on(weights), period, rows),
              kernels::delayed_sum(values, delays, weights, period, rows), 1e-5);
  check_close(kernels::delayed_products(on(series), on(values), on(delays), period),
              kernels::delayed_products(series, values, delays, period), 1e-4);
}

TEST_CASE("sparsity on a device is that of the CPU") {
  const auto device = cuda();
  if (!device) return;
  const auto [length, keys, width] =
      GENERATE(table<int64_t, int64_t, int64_t>({{96, 96, 64}, {50, 70, 33}, {1, 5, 8}}));
  const auto q = at::randn({2, length, 3, width}).transpose(1, 2), k = at::randn({2, 3, keys, width});
  const auto sample = at::randint(keys, {length, 6}, at::kLong);
  check_close(kernels::sparsity(q.to(*device), k.to(*device), sample.to(*device)),
              kernels::sparsity(q, k, sample), 1e-4);
}

TEST_CASE("nearest codes on a device are those of the CPU, with and without the matrix of distances") {
  const auto device = cuda();
  if (!device) return;
  const auto [rows, codes, width] = GENERATE(
      table<int64_t, int64_t, int64_t>({{100, 64, 8}, {9000, 8192, 8}, {9000, 8192, 32}, {9000, 8192, 5}}));
  const auto z = at::randn({rows, width}), codebook = at::randn({codes, width});
  const auto here = nn::nearest_codes(z, codebook),
             there = nn::nearest_codes(z.to(*device), codebook.to(*device)).cpu();
  // Codes that are as near to the last digit may differ.
  const auto distance = [&](const at::Tensor& ids) {
    return (z - codebook.index_select(0, ids)).square().sum(1);
  };
  CHECK(at::allclose(distance(there), distance(here), 1e-4, 1e-5));
}

TEST_CASE("dropout on a device drops what it drops on the CPU, also of the gradient") {
  const auto device = cuda();
  if (!device) return;
  const auto result = [](at::Tensor x) {
    runtime::seed(4);
    x.requires_grad_();
    const auto out = kernels::dropout(x, 0.3, true);
    out.square().sum().backward();
    return std::pair(out.detach(), x.grad());
  };
  const auto x = at::randn({500, 33});
  const auto [out, gradient] = result(x.clone());
  const auto [out_there, gradient_there] = result(x.to(*device));
  check_close(out_there, out, 1e-6);
  check_close(gradient_there, gradient, 1e-6);
}

TEST_CASE("grouped experts on a device are those of the CPU") {
  const auto device = cuda();
  if (!device) return;
  runtime::seed(5);
  nn::SparseExperts experts(
      {.width = 64, .expert_width = 32, .shared_width = 64, .num_experts = 8, .num_experts_per_tok = 2});
  const auto tokens = at::randn({200, 64}).to(at::kBFloat16);
  experts.to(at::kBFloat16);
  const torch::NoGradGuard no_grad;
  const auto here = experts.forward(tokens).to(at::kFloat);
  experts.to(*device);
  // A token whose second and third experts are nearly as likely may go elsewhere in bf16.
  const auto there = experts.forward(tokens.to(*device)).cpu().to(at::kFloat);
  const auto apart = (there - here).abs().amax(1).gt(0.02 * here.abs().max());
  CHECK(apart.sum().item<int64_t>() <= 4);
}
