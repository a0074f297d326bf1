#pragma once

#include "nn/split_heads.h"

/// The causal attentions of Combiner (Ren et al., NeurIPS 2021; google-research/combiner, jax/layer.py): a
/// query attends to some tokens directly and to the others through summaries of spans, in one softmax. A
/// span's key is the maximum of its keys per channel; its value is the mean of its values by the softmax of
/// their keys against the maximum of its queries.
///
/// Queries are scaled by 1 / sqrt(E) before everything. All return [B, H, T, E].
namespace arzoo::nn {

/// Own segment up to the token; summaries of the segments before. T is a multiple of `segment`.
at::Tensor combiner_fixed(const QkvHeads& heads, int64_t segment);

/// The token itself; summaries of the blocks of 2^l tokens, l < levels, that the past is made of in binary.
at::Tensor combiner_logn(const QkvHeads& heads, int64_t levels);

/// Levels that the official code takes for this length: ceil(log2(length - 1)).
int64_t combiner_levels(int64_t length);

/// Rows of `columns` tokens: the own column above and the own row up to the token; summaries of the other
/// columns above, and of the earlier rows left and right of the column. T is a multiple of `columns`.
at::Tensor combiner_axial(const QkvHeads& heads, int64_t columns);

/// Rows of `columns` tokens: the own row up to the token; of each earlier row the summary that stands in the
/// own column. summary_keys: [B, H, T, E] of those; summary_values: row_attention()'s result.
at::Tensor combiner_rowmajor(const QkvHeads& heads, const at::Tensor& summary_keys,
                             const at::Tensor& summary_values, int64_t columns);
/// Each row attends to itself, unmasked: what its summaries are made of.
at::Tensor row_attention(const QkvHeads& heads, int64_t columns);

}  // namespace arzoo::nn
