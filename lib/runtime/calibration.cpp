#include "runtime/calibration.h"

#include <torch/torch.h>

#include <chrono>

namespace arzoo::runtime {
namespace {

constexpr int64_t kRows = 32, kWidth = 128, kHidden = 512, kLayers = 4;

}  // namespace

CalibrationKernel::CalibrationKernel() {
  // A generator of its own: measuring must not move the seeded one.
  auto generator = at::detail::createCPUGenerator(1);
  x_ = at::randn({kRows, kWidth}, generator);
  first_ = at::randn({kHidden, kWidth}, generator).mul_(0.05).requires_grad_();
  second_ = at::randn({kWidth, kHidden}, generator).mul_(0.05).requires_grad_();
}

double CalibrationKernel::run() {
  const auto start = std::chrono::steady_clock::now();
  const at::AutoGradMode recording(true);
  auto x = x_;
  for (int64_t i = 0; i < kLayers; ++i)
    x = at::layer_norm(x + at::linear(at::gelu(at::linear(x, first_)), second_), {kWidth});
  x.square().mean().backward();
  first_.mutable_grad().reset();
  second_.mutable_grad().reset();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace arzoo::runtime
