#include "runtime/gemm_peak.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <limits>

namespace arzoo::runtime {
namespace {

constexpr int kMostProducts = 20;

}  // namespace

void finish_device_work(const Compute& compute) {
  if (compute.device.is_cuda()) torch::cuda::synchronize(compute.device.index());
}

double gemm_peak(const Compute& compute, int64_t size, double enough_seconds) {
  using Clock = std::chrono::steady_clock;
  const c10::InferenceMode inference;
  // A generator of its own: measuring must not move the seeded one.
  auto generator = at::detail::createCPUGenerator(1);
  const auto matrix = [&] { return at::rand({size, size}, generator).to(compute.device, compute.dtype); };
  const auto left = matrix(), right = matrix();
  auto product = at::mm(left, right);  // also the warm-up
  double best = std::numeric_limits<double>::infinity(), spent = 0.0;
  for (int i = 0; i < kMostProducts && (i == 0 || spent < enough_seconds); ++i) {
    finish_device_work(compute);
    const auto start = Clock::now();
    at::mm_out(product, left, right);
    finish_device_work(compute);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::min(best, seconds);
    spent += seconds;
  }
  const auto edge = static_cast<double>(size);
  return 2.0 * edge * edge * edge / best / 1e9;
}

}  // namespace arzoo::runtime
