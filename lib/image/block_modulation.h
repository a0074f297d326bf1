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

}  // namespace arzoo::image
