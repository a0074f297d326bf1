#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::kernels {

/// Series up to this length are compared through all pairs of their steps, longer ones through their spectra:
/// where the times of the two cross.
constexpr int64_t kLongestGram = 300;

/// Auto-correlation by lag (Autoformer, eq. 5), averaged over the channels: out[b, tau] = mean over W of
/// sum_t queries[b, t + tau] keys[b, t], indices modulo L. Keys beyond L are left out, missing ones count as
/// zero.
///
/// The mean over heads and channels comes first, because it commutes with the transforms: one L x L product
/// and the sums of its circular diagonals for a short series (O(L^2 W), at the speed of a matrix product),
/// one inverse transform for a long one (O(W L log L) time, O(W L) memory). queries: [B, L, W]; keys: [B, S,
/// W]; returns [B, L] float. Records no autograd.
at::Tensor lag_scores(const at::Tensor& queries, const at::Tensor& keys);

/// The two ways, whatever the length.
at::Tensor lag_scores_by_gram(const at::Tensor& queries, const at::Tensor& keys);
at::Tensor lag_scores_by_spectrum(const at::Tensor& queries, const at::Tensor& keys);

}  // namespace arzoo::kernels
