#include "nn/gated_feed_forward.h"

#include <torch/torch.h>

#include "kernels/linear.h"
#include "kernels/multiversion.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"

namespace arzoo::nn {

namespace {

constexpr int64_t kGatingGrain = 1 << 14;

/// silu is rounded before it is multiplied, as LibTorch's two operations do.
template <class Scalar>
ARZOO_INTO_CLONES void gate_range(Scalar* gate, const Scalar* up, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const auto opened = static_cast<Scalar>(kernels::silu(static_cast<float>(gate[i])));
    gate[i] = static_cast<Scalar>(static_cast<float>(opened) * static_cast<float>(up[i]));
  }
}

ARZOO_CLONES void gate_numbers(float* gate, const float* up, int64_t begin, int64_t end) {
  gate_range(gate, up, begin, end);
}
ARZOO_CLONES void gate_numbers(at::BFloat16* gate, const at::BFloat16* up, int64_t begin, int64_t end) {
  gate_range(gate, up, begin, end);
}

template <class Scalar>
void gate_in_place(at::Tensor& gate, const at::Tensor& up) {
  auto* to = gate.mutable_data_ptr<Scalar>();
  const auto* by = up.const_data_ptr<Scalar>();
  kernels::parallel_for(gate.numel(), kGatingGrain,
                        [&](int64_t begin, int64_t end) { gate_numbers(to, by, begin, end); });
}

bool fits_gating(const at::Tensor& gate, const at::Tensor& up) {
  const auto type = gate.scalar_type();
  return gate.is_cpu() && (type == at::kFloat || type == at::kBFloat16) && up.scalar_type() == type &&
         gate.is_contiguous() && up.is_contiguous() && gate.sizes() == up.sizes();
}

}  // namespace

at::Tensor silu_gated(at::Tensor gate, const at::Tensor& up) {
  if (at::GradMode::is_enabled()) return at::silu(gate) * up;
  if (!fits_gating(gate, up)) return at::silu_(gate).mul_(up);
  gate.scalar_type() == at::kFloat ? gate_in_place<float>(gate, up) : gate_in_place<at::BFloat16>(gate, up);
  return gate;
}

GatedFeedForward::GatedFeedForward(int64_t width, int64_t hidden_width) {
  const auto map = [&](const char* name, int64_t in, int64_t out) {
    return register_module(name, torch::nn::Linear(torch::nn::LinearOptions(in, out).bias(false)));
  };
  gate_proj_ = map("gate_proj", width, hidden_width);
  up_proj_ = map("up_proj", width, hidden_width);
  down_proj_ = map("down_proj", hidden_width, width);
}

at::Tensor GatedFeedForward::forward(const at::Tensor& x) {
  const auto hidden =
      silu_gated(kernels::linear(x, gate_proj_->weight, {}), kernels::linear(x, up_proj_->weight, {}));
  return kernels::linear(hidden, down_proj_->weight, {});
}

}  // namespace arzoo::nn
