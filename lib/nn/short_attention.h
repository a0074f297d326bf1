#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::nn {

/// Attention among few tokens (variates, patches), in inference on a CPU: one pass per head, with the keys
/// transposed in a buffer of a few KB so that scores are computed for all keys at once. LibTorch's fused
/// kernel is made for long sequences and takes five times as long at 11 tokens.
bool fits_short_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

/// As nn::attention with this scale and without mask and dropout. The result lies as [B, L, H, E] in memory.
at::Tensor short_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double scale);

}  // namespace arzoo::nn
