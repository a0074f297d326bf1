#pragma once

#include <vector>

#include "kernels/modulated_norm.h"

namespace arzoo::image {

/// The six vectors of a block with adaptive norms, [B, 1 or L, C] each, in the order of VAR and FlowAR.
struct BlockModulation {
  at::Tensor gamma1, gamma2, scale1, scale2, shift1, shift2;

  static BlockModulation of(const std::vector<at::Tensor>& parts) {
    return {parts.at(0), parts.at(1), parts.at(2), parts.at(3), parts.at(4), parts.at(5)};
  }
  kernels::Modulation before_attention() const { return {scale1, shift1}; }
  kernels::Modulation before_ffn() const { return {scale2, shift2}; }
};

/// x + gate * branch(norm(x) * (1 + scale) + shift): half of a block with adaptive norms (DiT; Peebles & Xie,
/// ICCV 2023), under autograd. The residual stays in x's type; branch reads `type`. x: [B, L, C]; returns the
/// same.
template <class Branch>
at::Tensor gated_branch(const at::Tensor& x, const kernels::Modulation& modulation, const at::Tensor& gate,
                        const kernels::NormForm& form, at::ScalarType type, const Branch& branch) {
  return x + branch(kernels::modulated_norm(x, modulation, form, type)) * gate;
}

}  // namespace arzoo::image
