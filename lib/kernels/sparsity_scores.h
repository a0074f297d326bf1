#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::kernels {

/// Informer's sparsity measurement (Sec. 3.1, eq. 4) on sampled keys: out[b, h, i] = the largest of
/// <queries[b, h, i], keys[b, h, sample[i, j]]> over j, less their sum over j divided by the number of all
/// keys S (not of sampled ones: the official code's way).
///
/// Where there is a kernel each score is computed in place, which costs O(L U E) time and no memory;
/// elsewhere all scores are, as matrix products over blocks of queries, and the sampled ones picked. Either
/// way without the official code's copy of the sampled keys of every query, [B, H, L, U, E].
///
/// queries: [B, H, L, E]; keys: [B, H, S, E]; sample: [L, U] int64 in [0, S); returns [B, H, L] float.
/// Records no autograd.
at::Tensor sparsity(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& sample);

/// The two ways; the first anywhere, the second on devices with a kernel.
at::Tensor sparsity_of_all_scores(const at::Tensor& queries, const at::Tensor& keys,
                                  const at::Tensor& sample);
at::Tensor sparsity_of_sampled_scores(const at::Tensor& queries, const at::Tensor& keys,
                                      const at::Tensor& sample);

}  // namespace arzoo::kernels
