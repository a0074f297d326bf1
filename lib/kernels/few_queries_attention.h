#pragma once

#include "kernels/fused_attention.h"

namespace arzoo::kernels {

/// A step of generation: one or a few queries that see many keys, which are read where the cache holds them,
/// while fused_attention copies a head into an order of its own first. A query's result does not depend on
/// how many others come with it.
bool fits_few_queries(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal);

/// As fused_attention; the result lies as [B, L, H, E] in memory.
at::Tensor few_queries_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                 const FusedMode& mode);

}  // namespace arzoo::kernels
