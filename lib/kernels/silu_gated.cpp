#include "kernels/silu_gated.h"

#include <torch/torch.h>

#include "kernels/multiversion.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"

namespace arzoo::kernels {
namespace {

constexpr int64_t kGatingGrain = 1 << 14;

/// silu is rounded before it is multiplied, as LibTorch's two operations do.
template <class Scalar>
ARZOO_INTO_CLONES void gate_range(Scalar* gate, const Scalar* up, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const auto opened = static_cast<Scalar>(silu(static_cast<float>(gate[i])));
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
  parallel_for(gate.numel(), kGatingGrain,
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

}  // namespace arzoo::kernels
