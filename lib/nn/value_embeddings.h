#pragma once

#include <ATen/core/Tensor.h>

namespace arzoo::nn {

/// Mixture of value embeddings (MoVE, arXiv 2601.22887): each token id has M rows of a bank that all layers
/// share, which a layer mixes into its values by gates g = 2 sigmoid(W_G h) of its own:
/// v' = g_0 v + sum_m g_m rows_m, per head.
///
/// v: [B, G, T, E]; gates: W_G h, [B, T, G (M + 1)], those of a head side by side; rows: [B, T, M, G, E], may
/// be undefined: then g_0 alone applies. Returns [B, G, T, E].
at::Tensor with_value_embeddings(const at::Tensor& v, const at::Tensor& gates, const at::Tensor& rows);

}  // namespace arzoo::nn
