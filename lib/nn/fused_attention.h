#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::nn {

/// Attention in inference on a CPU, one pass per head: keys and values in fp32 buffers, the keys transposed,
/// so that a block of queries takes its scores, its softmax and its sums without leaving the cache, and keys
/// that a causal query does not see are never touched. LibTorch's fused kernel is made for long sequences: it
/// takes three times as long at 11 tokens, 1.5 times at 96, and 1.7 times at 512 causal ones.
bool fits_fused_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal);

/// As nn::attention without bias and dropout. The result lies as [B, L, H, E] in memory.
at::Tensor fused_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal);

}  // namespace arzoo::nn
