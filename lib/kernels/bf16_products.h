#pragma once

namespace arzoo::kernels {

/// Whether this processor has the instructions that oneDNN's bf16 products ask for (AVX-512 BW, VL and DQ);
/// without them LibTorch's fused operators refuse bf16.
bool has_bf16_products();

}  // namespace arzoo::kernels
