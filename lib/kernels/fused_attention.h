#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::kernels {

/// Attention in inference on a CPU, one pass per head: a block of queries takes its scores, its softmax and
/// its sums in fp32, tile by tile of keys and values in the fastest cache, and what a causal query does not
/// see is never computed. LibTorch's fused kernel takes three times as long at 11 tokens, twice as long at
/// 96, 2.5 times at 512 causal ones and 1.4 times for 256 queries of 680 keys.
bool fits_fused_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

/// Whether this program's kernels take these tensors at all: in inference on a CPU, fp32 or bf16, heads with
/// adjacent numbers.
bool fits_own_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

/// Of AttentionMode, what this kernel knows.
struct FusedMode {
  bool causal = false;
  double scale = 1.0;  ///< of the scores
};

/// As nn::attention without bias and dropout. The result lies as [B, L, H, E] in memory.
at::Tensor fused_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const FusedMode& mode);

}  // namespace arzoo::kernels
