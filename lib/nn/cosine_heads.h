#pragma once

#include <ATen/core/Tensor.h>

#include "nn/kv_cache.h"

namespace arzoo::nn {

/// Cosine attention in a generation (Henry et al., Query-Key Normalization, 2020): takes apart the product
/// `qkv` of T new tokens, [B, T, 3 H E] as [query | key | value], contiguous. Queries and keys are divided by
/// their length (at least 1e-12) and queries multiplied by their head's factor. Keys and values go to the
/// cache; the queries, which take their places in qkv, are returned, [B, H, T, E]. One pass in
/// inference on a CPU, fp32 or bf16. factors: [H] fp32.
at::Tensor cache_cosine_heads(at::Tensor& qkv, const at::Tensor& factors, KvCache& cache);

/// The normalisation alone, for training: x / max(|x|, 1e-12) along the last axis.
at::Tensor unit_vectors(const at::Tensor& x);

}  // namespace arzoo::nn
