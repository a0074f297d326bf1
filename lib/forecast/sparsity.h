#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::forecast {

/// Informer's sparsity measurement (Sec. 3.1, eq. 4) on sampled keys: out[b, h, i] = the largest of
/// <queries[b, h, i], keys[b, h, sample[i, j]]> over j, less their sum over j divided by the number of all
/// keys S (not of sampled ones: the official code's way).
///
/// Among few keys all scores are computed, as one matrix product, and the sampled ones picked; among many
/// only the sampled ones, in place: no gathered copy of the keys [B, H, L, U, E] is made either way. queries:
/// [B, H, L, E]; keys: [B, H, S, E]; sample: [L, U] int64 in [0, S); returns [B, H, L] float. Records no
/// autograd.
at::Tensor sparsity(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& sample);

/// The two ways, whatever the length.
at::Tensor sparsity_of_all_scores(const at::Tensor& queries, const at::Tensor& keys,
                                  const at::Tensor& sample);
at::Tensor sparsity_of_sampled_scores(const at::Tensor& queries, const at::Tensor& keys,
                                      const at::Tensor& sample);

}  // namespace arzoo::forecast
