#include "nn/combiner_attention.h"

#include <torch/torch.h>

#include <cmath>
#include <limits>

namespace arzoo::nn {
namespace {

constexpr double kMasked = -std::numeric_limits<double>::infinity();

at::Tensor scaled(const at::Tensor& q) { return q / std::sqrt(static_cast<double>(q.size(3))); }

/// [B, H, T, E] as [B, H, T / size, size, E].
at::Tensor cut(const at::Tensor& x, int64_t size) { return x.unflatten(2, {x.size(2) / size, size}); }

/// q k^T along the axis before the last.
at::Tensor products(const at::Tensor& q, const at::Tensor& k) { return at::matmul(q, k.transpose(-2, -1)); }

/// Places [rows, columns] where the column is not before the row (or not up to it).
at::Tensor from_diagonal(int64_t rows, int64_t columns, int64_t offset, const at::Tensor& like) {
  return at::ones({rows, columns}, like.options().dtype(at::kBool)).triu(offset);
}

/// A span's value: q, k, v: [..., S, E]; returns [..., E].
at::Tensor span_value(const at::Tensor& largest_q, const at::Tensor& k, const at::Tensor& v) {
  const auto shares = at::softmax((largest_q.unsqueeze(-2) * k).sum(-1), -1);
  return (shares.unsqueeze(-1) * v).sum(-2);
}

/// Keys and values of the spans that begin at the first of the axis before the last and end at each of it.
struct Prefixes {
  at::Tensor k, v;  ///< [..., S, E]
};
Prefixes prefixes(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const auto largest_q = std::get<0>(q.cummax(-2));
  const auto scores = products(largest_q, k).masked_fill(from_diagonal(q.size(-2), q.size(-2), 1, q), kMasked);
  return {std::get<0>(k.cummax(-2)), at::matmul(at::softmax(scores, -1), v)};
}
/// The same of spans that end at the last.
Prefixes suffixes(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const auto flipped = prefixes(q.flip(-2), k.flip(-2), v.flip(-2));
  return {flipped.k.flip(-2), flipped.v.flip(-2)};
}

/// Scores and values of one route of attention: [..., queries, sources] and [..., sources, E], with the same
/// leading axes.
struct Route {
  at::Tensor scores, values;
};

/// One softmax over all routes. Each route's leading axes hold the queries in some order, which `back` turns
/// into [B, H, R, S, …].
at::Tensor mix_routes(const std::vector<Route>& routes,
                      const std::vector<at::Tensor (*)(const at::Tensor&)>& back) {
  std::vector<at::Tensor> scores;
  for (std::size_t i = 0; i < routes.size(); ++i) scores.push_back(back[i](routes[i].scores));
  const auto shares = at::softmax(at::cat(scores, -1), -1);
  at::Tensor mixed;
  int64_t first = 0;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    // `back` is its own inverse.
    const auto own = back[i](shares.narrow(-1, first, scores[i].size(-1)));
    const auto part = back[i](at::matmul(own, routes[i].values));
    mixed = mixed.defined() ? mixed + part : part;
    first += scores[i].size(-1);
  }
  return mixed;
}

at::Tensor as_it_is(const at::Tensor& x) { return x; }
at::Tensor rows_and_columns_swapped(const at::Tensor& x) { return x.transpose(2, 3); }

/// Moved by one place along the axis before the last, with zeros where nothing comes from.
at::Tensor shifted(const at::Tensor& x, int64_t by) {
  const auto zeros = at::zeros_like(x.narrow(-2, 0, 1));
  const int64_t size = x.size(-2);
  return by > 0 ? at::cat({zeros, x.narrow(-2, 0, size - 1)}, -2)
                : at::cat({x.narrow(-2, 1, size - 1), zeros}, -2);
}

/// Route of the queries' own row: q, k, v: [B, H, R, S, E].
Route own_row(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  return {products(q, k).masked_fill(from_diagonal(q.size(3), q.size(3), 1, q), kMasked), v};
}

/// Route to one source of each earlier row, found in the query's column. keys, values: [B, H, R, S, E];
/// returned with rows and columns swapped.
Route earlier_rows(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values) {
  const auto by_column = [](const at::Tensor& x) { return x.transpose(2, 3); };  // [B, H, S, R, E]
  const int64_t rows = q.size(2);
  return {products(by_column(q), by_column(keys)).masked_fill(from_diagonal(rows, rows, 0, q), kMasked),
          by_column(values)};
}

}  // namespace

at::Tensor combiner_fixed(const QkvHeads& heads, int64_t segment) {
  const auto q = cut(scaled(heads.q), segment), k = cut(heads.k, segment), v = cut(heads.v, segment);
  const int64_t segments = q.size(2);
  const auto keys = std::get<0>(k.max(3));  // [B, H, N, E]
  const auto values = span_value(std::get<0>(q.max(3)), k, v);
  const auto to_spans = products(q, keys.unsqueeze(2))
                            .masked_fill(from_diagonal(segments, segments, 0, q).unsqueeze(1), kMasked);
  return mix_routes({own_row(q, k, v), {to_spans, values.unsqueeze(2)}}, {&as_it_is, &as_it_is}).flatten(2, 3);
}

int64_t combiner_levels(int64_t length) {
  int64_t levels = 0;
  while ((int64_t{1} << levels) < length - 1) ++levels;
  return levels;
}

at::Tensor combiner_logn(const QkvHeads& heads, int64_t levels) {
  const int64_t tokens = heads.q.size(2);
  const int64_t padding = (int64_t{1} << levels) > tokens ? (int64_t{1} << levels) - tokens : 0;
  // Blocks that reach behind the last token are no query's.
  const auto padded = [&](const at::Tensor& x) {
    return at::constant_pad_nd(x, {0, 0, 0, padding}, 0);
  };
  const auto q = scaled(heads.q), all_q = padded(q), all_k = padded(heads.k), all_v = padded(heads.v);
  const auto places = at::arange(tokens, q.options().dtype(at::kLong));
  std::vector<at::Tensor> scores{(q * heads.k).sum(-1)}, values{heads.v};
  for (int64_t level = 0; level < levels; ++level) {
    const int64_t size = int64_t{1} << level, blocks = all_q.size(2) / size;
    const auto block = [&](const at::Tensor& x) { return cut(x.narrow(2, 0, blocks * size), size); };
    const auto k = block(all_k);
    const auto keys = std::get<0>(k.max(3)), span = span_value(std::get<0>(block(all_q).max(3)), k, block(all_v));
    const auto index = places.bitwise_right_shift(level);
    const auto own = (index - 1).clamp_min(0);
    scores.push_back(
        (q * keys.index_select(2, own)).sum(-1).masked_fill(index.remainder(2).eq(0), kMasked));
    values.push_back(span.index_select(2, own));
  }
  const auto shares = at::softmax(at::stack(scores, -1), -1);  // [B, H, T, levels + 1]
  return (shares.unsqueeze(-1) * at::stack(values, 3)).sum(3);
}

at::Tensor combiner_axial(const QkvHeads& heads, int64_t columns) {
  const auto q = cut(scaled(heads.q), columns), k = cut(heads.k, columns), v = cut(heads.v, columns);
  const auto swapped = [](const at::Tensor& x) { return x.transpose(2, 3); };
  // Of the columns above: [B, H, S, R, E], moved down a row.
  const auto above = prefixes(swapped(q), swapped(k), swapped(v));
  const auto column_keys = swapped(shifted(above.k, 1)), column_values = swapped(shifted(above.v, 1));
  const auto own_column = at::eye(columns, q.options()).to(at::kBool);
  auto first_row = at::zeros({q.size(2), 1, 1}, q.options().dtype(at::kBool));
  first_row[0] = true;
  const Route other_columns{products(q, column_keys).masked_fill(own_column.logical_or(first_row), kMasked),
                            column_values};
  const auto left = prefixes(q, k, v), right = suffixes(q, k, v);
  auto to_left = earlier_rows(q, shifted(left.k, 1), shifted(left.v, 1));
  auto to_right = earlier_rows(q, shifted(right.k, -1), shifted(right.v, -1));
  const auto mask_column = [&](at::Tensor& scores, int64_t column) {  // [B, H, S, R, R]
    auto edge = at::zeros({columns, 1, 1}, q.options().dtype(at::kBool));
    edge[column] = true;
    scores = scores.masked_fill(edge, kMasked);
  };
  mask_column(to_left.scores, 0);
  mask_column(to_right.scores, columns - 1);
  return mix_routes({own_row(q, k, v), other_columns, earlier_rows(q, k, v), to_left, to_right},
                    {&as_it_is, &as_it_is, &rows_and_columns_swapped, &rows_and_columns_swapped,
                     &rows_and_columns_swapped})
      .flatten(2, 3);
}

at::Tensor row_attention(const QkvHeads& heads, int64_t columns) {
  const auto scores = products(cut(scaled(heads.q), columns), cut(heads.k, columns));
  return at::matmul(at::softmax(scores, -1), cut(heads.v, columns)).flatten(2, 3);
}

at::Tensor combiner_rowmajor(const QkvHeads& heads, const at::Tensor& summary_keys,
                             const at::Tensor& summary_values, int64_t columns) {
  const auto q = cut(scaled(heads.q), columns);
  return mix_routes({own_row(q, cut(heads.k, columns), cut(heads.v, columns)),
                     earlier_rows(q, cut(summary_keys, columns), cut(summary_values, columns))},
                    {&as_it_is, &rows_and_columns_swapped})
      .flatten(2, 3);
}

}  // namespace arzoo::nn
