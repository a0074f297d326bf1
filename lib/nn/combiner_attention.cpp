#include "nn/combiner_attention.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

#include "kernels/dropout.h"

namespace arzoo::nn {
namespace {

constexpr double kUnseen = -std::numeric_limits<double>::infinity();

/// [rows, columns] bool, true where column > row - offset.
at::Tensor after(int64_t rows, int64_t columns, int64_t offset, const at::Tensor& like) {
  return at::ones({rows, columns}, like.options().dtype(at::kBool)).triu(1 - offset);
}

at::Tensor products(const at::Tensor& q, const at::Tensor& k) { return at::matmul(q, k.transpose(-2, -1)); }

/// x: [B, H, T, E]; returns [B, H, R, S, E], R * S >= T, zeros at the end.
at::Tensor in_segments(const at::Tensor& x, int64_t segment) {
  const int64_t rest = (segment - x.size(2) % segment) % segment;
  const auto whole = rest == 0 ? x : at::constant_pad_nd(x, {0, 0, 0, rest});
  return whole.unflatten(2, {whole.size(2) / segment, segment});
}

/// Zeros, then all but the last of `axis`: what lies before each place.
at::Tensor moved_on(const at::Tensor& x, int64_t axis) {
  return at::cat({at::zeros_like(x.narrow(axis, 0, 1)), x.narrow(axis, 0, x.size(axis) - 1)}, axis);
}
at::Tensor moved_back(const at::Tensor& x, int64_t axis) {
  return at::cat({x.narrow(axis, 1, x.size(axis) - 1), at::zeros_like(x.narrow(axis, 0, 1))}, axis);
}

/// The largest of each channel so far along the second-last axis, by windows that double: at::cummax, which
/// also counts places, takes a hundred times as long.
at::Tensor largest_so_far(at::Tensor x) {
  const int64_t axis = x.dim() - 2, size = x.size(axis);
  for (int64_t window = 1; window < size; window *= 2) {
    const auto later = at::maximum(x.narrow(axis, window, size - window), x.narrow(axis, 0, size - window));
    x = at::cat({x.narrow(axis, 0, window), later}, axis);
  }
  return x;
}

KeysAndValues spans_of(const at::Tensor& largest_q, const at::Tensor& largest_k, const at::Tensor& k,
                       const at::Tensor& v, const at::Tensor& unseen) {
  const auto scores = products(largest_q, k).masked_fill(unseen, kUnseen);
  return {largest_k, at::matmul(at::softmax(scores, -1), v)};
}

/// q, k, v: [B, H, R, S, E].
at::Tensor fixed_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double dropout) {
  const int64_t rows = q.size(2), segment = q.size(3);
  const auto spans = segment_spans(q, k, v, dropout);
  const auto own = products(q, k).masked_fill(after(segment, segment, 0, q), kUnseen);
  const auto earlier = products(q.flatten(2, 3), spans.keys)
                           .unflatten(2, {rows, segment})
                           .masked_fill(after(rows, rows, 1, q).unsqueeze(1), kUnseen);
  const auto shares = at::softmax(at::cat({own, earlier}, -1), -1);
  return at::matmul(shares.narrow(-1, 0, segment), v) +
         at::matmul(shares.narrow(-1, segment, rows).flatten(2, 3), spans.values)
             .unflatten(2, {rows, segment});
}

at::Tensor rowmajor_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              const KeysAndValues& summaries, double dropout) {
  const int64_t rows = q.size(2), segment = q.size(3);
  const auto own = products(q, k).masked_fill(after(segment, segment, 0, q), kUnseen);
  const auto columns = [](const at::Tensor& of_rows) { return of_rows.transpose(2, 3); };  // [B, H, S, R, E]
  const auto earlier = products(columns(q), columns(summaries.keys))
                           .masked_fill(after(rows, rows, 1, q), kUnseen);  // [B, H, S, R, R]
  const auto shares = at::softmax(at::cat({own, columns(earlier)}, -1), -1);
  const auto of_own = kernels::dropout(shares.narrow(-1, 0, segment), dropout, true);
  return at::matmul(of_own, v) +
         columns(at::matmul(columns(shares.narrow(-1, segment, rows)), columns(summaries.values)));
}

/// The spans that lie above a row in each column, and the rows' own beside each column.
struct AxialSpans {
  KeysAndValues above, left, right;  ///< [B, H, R, S, E]
};

AxialSpans axial_spans(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const auto columns = [](const at::Tensor& of_rows) { return of_rows.transpose(2, 3); };
  const auto above = prefix_spans(columns(q), columns(k), columns(v));
  const auto left = prefix_spans(q, k, v), right = suffix_spans(q, k, v);
  return {{moved_on(columns(above.keys), 2), moved_on(columns(above.values), 2)},
          {moved_on(left.keys, 3), moved_on(left.values, 3)},
          {moved_back(right.keys, 3), moved_back(right.values, 3)}};
}

at::Tensor axial_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const int64_t rows = q.size(2), segment = q.size(3);
  const auto columns = [](const at::Tensor& of_rows) { return of_rows.transpose(2, 3); };
  const auto spans = axial_spans(q, k, v);
  const auto not_above = after(rows, rows, 1, q);  // [R, R]
  const auto of_column = [&](const at::Tensor& keys) {
    return columns(products(columns(q), columns(keys)).masked_fill(not_above, kUnseen));
  };
  // The first column has nothing to its left, the last nothing to its right.
  auto left = of_column(spans.left.keys), right = of_column(spans.right.keys);
  const auto place = at::arange(segment, q.options().dtype(at::kLong));
  left = left.masked_fill((place == 0).unsqueeze(1), kUnseen);
  right = right.masked_fill((place == segment - 1).unsqueeze(1), kUnseen);
  // The own column above is seen token by token.
  auto unseen = at::eye(segment, q.options().dtype(at::kBool)).repeat({rows, 1, 1});
  unseen[0].fill_(true);
  const auto shares =
      at::softmax(at::cat({of_column(k), products(q, k).masked_fill(after(segment, segment, 0, q), kUnseen),
                           products(q, spans.above.keys).masked_fill(unseen, kUnseen), left, right},
                          -1),
                  -1);
  const auto parts = shares.split_with_sizes({rows, segment, segment, rows, rows}, -1);
  const auto from_column = [&](const at::Tensor& part, const at::Tensor& values) {
    return columns(at::matmul(columns(part), columns(values)));
  };
  return from_column(parts[0], v) + at::matmul(parts[1], v) + at::matmul(parts[2], spans.above.values) +
         from_column(parts[3], spans.left.values) + from_column(parts[4], spans.right.values);
}

/// Pairs of blocks of 2^level tokens: the second sees the span of the first.
struct Level {
  at::Tensor scores;  ///< [B, H, P, 2^level], of the second blocks' tokens
  at::Tensor values;  ///< [B, H, P, E]
};

Level level_of(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t level, double dropout) {
  const int64_t block = int64_t{1} << level, pairs = q.size(2) / (2 * block);
  const auto half = [&](const at::Tensor& x, int64_t which) {
    return x.unflatten(2, {pairs, 2, block}).select(3, which);  // [B, H, P, 2^level, E]
  };
  const auto spans = segment_spans(half(q, 0), half(k, 0), half(v, 0), dropout);
  return {at::matmul(half(q, 1), spans.keys.unsqueeze(-1)).squeeze(-1), spans.values};
}

/// q, k, v: [B, H, T, E].
at::Tensor logn_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t levels,
                          double dropout) {
  const int64_t whole = int64_t{1} << levels, tokens = q.size(2);
  const int64_t rest = (whole - tokens % whole) % whole;
  const auto padded = [&](const at::Tensor& x) { return at::constant_pad_nd(x, {0, 0, 0, rest}); };
  const auto all_q = padded(q), all_k = padded(k), all_v = padded(v);
  std::vector<at::Tensor> scores{(q * k).sum(-1)}, values;
  for (int64_t level = 0; level < levels; ++level) {
    const auto of = level_of(all_q, all_k, all_v, level, dropout);
    scores.push_back(
        at::cat({at::full_like(of.scores, kUnseen), of.scores}, -1).flatten(2).narrow(2, 0, tokens));
    values.push_back(of.values);
  }
  const auto shares = at::softmax(at::stack(scores, -1), -1);  // [B, H, T, 1 + levels]
  auto mixed = shares.select(-1, 0).unsqueeze(-1) * v;
  for (int64_t level = 0; level < levels; ++level) {
    const int64_t block = int64_t{1} << level;
    const auto share = at::constant_pad_nd(shares.select(-1, level + 1), {0, rest})
                           .unflatten(2, {-1, 2, block})
                           .select(3, 1);  // [B, H, P, 2^level]
    const auto second = share.unsqueeze(-1) * values[static_cast<std::size_t>(level)].unsqueeze(3);
    mixed = mixed + at::stack({at::zeros_like(second), second}, 3).flatten(2, 4).narrow(2, 0, tokens);
  }
  return mixed;
}

}  // namespace

CombinerKind combiner_kind(std::string_view name) {
  using Named = std::pair<std::string_view, CombinerKind>;
  for (const auto& [known, kind] :
       {Named{"fixed", CombinerKind::fixed}, Named{"logn", CombinerKind::logn},
        Named{"rowmajor", CombinerKind::rowmajor}, Named{"axial", CombinerKind::axial}}) {
    if (known == name) return kind;
  }
  throw std::logic_error(fmt::format("no kind of Combiner attention is called \"{}\"", name));
}

int64_t combiner_levels(int64_t max_len) {
  int64_t levels = 0;
  while ((int64_t{1} << levels) < max_len - 1) ++levels;
  return levels;
}

KeysAndValues segment_spans(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, double dropout) {
  const auto shares = at::softmax(products(q.amax(3, /*keepdim=*/true), k), -1);  // [B, H, R, 1, S]
  return {k.amax(3), at::matmul(kernels::dropout(shares, dropout, true), v).squeeze(3)};
}

KeysAndValues row_summaries(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const at::Tensor& x, const RowSummaryKeys& summary_keys, double dropout) {
  const auto attended =
      at::matmul(kernels::dropout(at::softmax(products(q, k), -1), dropout, true), v);  // [B, H, R, S, E]
  return {summary_keys(attended, x), attended};
}

KeysAndValues prefix_spans(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const int64_t axis = q.dim() - 2;
  return spans_of(largest_so_far(q), largest_so_far(k), k, v, after(q.size(axis), q.size(axis), 0, q));
}

KeysAndValues suffix_spans(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const int64_t axis = q.dim() - 2;
  const auto spans = prefix_spans(q.flip(axis), k.flip(axis), v.flip(axis));
  return {spans.keys.flip(axis), spans.values.flip(axis)};
}

at::Tensor combiner_attention(const QkvHeads& heads, const at::Tensor& x, const CombinerPattern& pattern,
                              const RowSummaryKeys& summary_keys, bool training) {
  const auto q = heads.q / std::sqrt(static_cast<double>(heads.q.size(-1)));
  const double dropout = training ? pattern.dropout : 0.0;
  if (pattern.kind == CombinerKind::logn) return logn_attention(q, heads.k, heads.v, pattern.levels, dropout);
  const auto rows = [&](const at::Tensor& all) { return in_segments(all, pattern.segment); };
  const auto rows_q = rows(q), rows_k = rows(heads.k), rows_v = rows(heads.v);
  const auto mixed = [&] {
    if (pattern.kind == CombinerKind::fixed) return fixed_attention(rows_q, rows_k, rows_v, dropout);
    if (pattern.kind == CombinerKind::axial) return axial_attention(rows_q, rows_k, rows_v);
    const auto rows_x = rows(x.unsqueeze(1)).squeeze(1);
    return rowmajor_attention(rows_q, rows_k, rows_v,
                              row_summaries(rows_q, rows_k, rows_v, rows_x, summary_keys, dropout), dropout);
  }();
  return mixed.flatten(2, 3).narrow(2, 0, q.size(2));
}

}  // namespace arzoo::nn
