#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string_view>

#include "nn/split_heads.h"

/// Causal attention below quadratic cost: Combiner (Ren et al., NeurIPS 2021), as the authors' JAX layers
/// have it.
///
/// A query takes one softmax over some tokens and over spans of tokens, each of which stands for its tokens
/// by one key and one value, so that every earlier token has a share. B batch, H heads, T tokens, E head
/// width, D width; rows and segments of S tokens, R of them.
namespace arzoo::nn {

enum class CombinerKind {
  fixed,     ///< the tokens of the own segment; a span per earlier segment: S + T/S keys per query
  logn,      ///< the token itself; the spans of the binary decomposition of all before it: log2 T
  rowmajor,  ///< the tokens of the own row; of each earlier row its summary at the own column: S + T/S
  axial  ///< the own column and row; what lies above in each other column, to the left and to the right in
         ///< each earlier row: 3 T/S + 2 S
};
/// By its name. Throws std::logic_error for another.
CombinerKind combiner_kind(std::string_view name);

struct CombinerPattern {
  CombinerKind kind = CombinerKind::fixed;
  int64_t segment = 1;   ///< S, of all kinds but logn
  int64_t levels = 0;    ///< of logn: spans of 1, 2, …, 2^(levels - 1) tokens
  double dropout = 0.0;  ///< on the probabilities inside spans, in training
};

/// The levels that the official code gives a logn model of rows of `max_len` tokens: ceil(log2(max_len - 1)).
/// The last token of a row of 2^n + 1 would need one more and sees itself alone.
int64_t combiner_levels(int64_t max_len);

/// The keys of rowmajor's summaries. attended: what the tokens of a row see of it without a mask, [B, H, R,
/// S, E]; x: what attention reads, [B, R, S, D]; returns [B, H, R, S, E].
using RowSummaryKeys = std::function<at::Tensor(const at::Tensor& attended, const at::Tensor& x)>;

/// Keys and values, of tokens or of spans: [B, H, N, E] each.
struct KeysAndValues {
  at::Tensor keys, values;
};

/// The span of each segment: the largest of its keys in each channel, and its values by the softmax of its
/// keys' products with the largest of its queries. q, k, v: [B, H, R, S, E], q scaled; returns [B, H, R, E].
KeysAndValues segment_spans(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            double dropout = 0.0);
/// The summaries of complete rows. q, k, v: [B, H, R, S, E], q scaled; returns [B, H, R, S, E].
KeysAndValues row_summaries(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const at::Tensor& x, const RowSummaryKeys& summary_keys, double dropout = 0.0);
/// The span of each prefix, tokens 0 … t, of the second-last axis: largest keys and queries so far. q, k, v:
/// [..., T, E], q scaled; returns [..., T, E].
KeysAndValues prefix_spans(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);
/// The same of each suffix, tokens t … T - 1.
KeysAndValues suffix_spans(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

/// heads: [B, H, T, E] each, of any T, unscaled; x: [B, T, D], which only rowmajor reads; returns [B, H, T,
/// E].
at::Tensor combiner_attention(const QkvHeads& heads, const at::Tensor& x, const CombinerPattern& pattern,
                              const RowSummaryKeys& summary_keys = {}, bool training = false);

}  // namespace arzoo::nn
