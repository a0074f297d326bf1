#pragma once

#include "nn/split_heads.h"

namespace arzoo::nn {

/// Causal attention to a subset of the tokens (stochastically subsampled attention, arXiv 2306.01705): block
/// n of the queries sees the sources listed for it that stand before the query, and each query its own token.
///
/// sources: [B, N, S] long, places of tokens; T or more where there is none. T is a multiple of N, whose
/// blocks are of equal size. Returns [B, H, T, E]; costs T (S + 1) instead of T^2 / 2 scores.
at::Tensor subsampled_attention(const QkvHeads& heads, const at::Tensor& sources);

/// Sources of the unbiased form: the same for all queries, the first `keep` of a random order. order: [B, T]
/// long; returns [B, 1, keep].
at::Tensor unbiased_sources(const at::Tensor& order, int64_t keep);

/// Sources of the locally biased form: tokens in the order of j + sigma e_j; a block of `window` queries sees
/// its own slots and those of the block before. order: [B, T] long, T a multiple of `window`; returns [B, T /
/// window, 2 window].
at::Tensor local_sources(const at::Tensor& order, int64_t window);

}  // namespace arzoo::nn
