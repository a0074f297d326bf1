#include "forecast/data/row_groups.h"

#include <torch/torch.h>

#include <algorithm>
#include <map>
#include <span>
#include <unordered_map>

#include "forecast/layers/t5_layers.h"

namespace arzoo::forecast {
namespace {

at::Tensor indices_of(const std::vector<int64_t>& values, at::Device device) {
  return at::tensor(values, at::kLong).to(device);
}

}  // namespace

RowGroups::RowGroups(const at::Tensor& group_ids) : rows_(group_ids.size(0)) {
  const auto ids = group_ids.to(at::kCPU, at::kLong).contiguous();
  const auto* id = ids.const_data_ptr<int64_t>();
  std::map<int64_t, std::vector<int64_t>> groups;
  for (int64_t row = 0; row < rows_; ++row) groups[id[row]].push_back(row);
  groups_ = static_cast<int64_t>(groups.size());
  if (groups_ == rows_) return;
  std::map<int64_t, std::vector<int64_t>> by_size;
  std::vector<int64_t> group_of_row(static_cast<std::size_t>(rows_));
  int64_t number = 0;
  for (const auto& [ignored, rows] : groups) {
    auto& members = by_size[static_cast<int64_t>(rows.size())];
    members.insert(members.end(), rows.begin(), rows.end());
    for (const auto row : rows) group_of_row[static_cast<std::size_t>(row)] = number;
    ++number;
  }
  std::vector<int64_t> place(static_cast<std::size_t>(rows_));
  int64_t next = 0;
  for (const auto& [size, rows] : by_size) {
    buckets_.push_back({size, indices_of(rows, group_ids.device())});
    for (const auto row : rows) place[static_cast<std::size_t>(row)] = next++;
  }
  group_of_row_ = indices_of(group_of_row, group_ids.device());
  place_of_row_ = indices_of(place, group_ids.device());
}

/// q, k, v: [B, H, S, E]; returns [rows of the bucket, H, S, E].
at::Tensor RowGroups::mixed_in(const Bucket& bucket, const at::Tensor& q, const at::Tensor& k,
                               const at::Tensor& v, const at::Tensor& mask,
                               const T5Attention& attention) const {
  if (bucket.size == 1) return v.index_select(0, bucket.rows);
  const int64_t heads = q.size(1), tokens = q.size(2), width = q.size(3);
  const int64_t groups = bucket.rows.size(0) / bucket.size;
  const auto by_token = [&](const at::Tensor& x) {
    return x.index_select(0, bucket.rows)
        .view({groups, bucket.size, heads, tokens, width})
        .permute({0, 3, 2, 1, 4})
        .reshape({groups * tokens, heads, bucket.size, width});
  };
  at::Tensor bias;
  if (mask.defined()) {
    const auto keys = mask.index_select(0, bucket.rows)
                          .view({groups, bucket.size, tokens})
                          .transpose(1, 2)
                          .reshape({groups * tokens, bucket.size});
    bias = key_bias(keys, q.scalar_type());
  }
  return attention.mix(by_token(q), by_token(k), by_token(v), bias)
      .view({groups, tokens, heads, bucket.size, width})
      .permute({0, 3, 2, 1, 4})
      .reshape({groups * bucket.size, heads, tokens, width});
}

/// Whether a row's group has an unmasked token at this place: [B, S] bool. mask: [B, S].
at::Tensor RowGroups::seen_any(const at::Tensor& mask) const {
  if (all_single()) return mask.ne(0);
  const auto numbers = mask.to(at::kFloat);
  const auto counts =
      at::zeros({groups_, mask.size(1)}, numbers.options()).index_add(0, group_of_row_, numbers);
  return counts.index_select(0, group_of_row_).gt(0);
}

at::Tensor RowGroups::attend(const T5Attention& attention, const at::Tensor& x,
                             const at::Tensor& mask) const {
  if (all_single() && !mask.defined()) return attention.own_values(x);
  const auto v = attention.values(x);  // [B, H, S, E]
  auto mixed = v;
  if (!all_single()) {
    const auto q = attention.queries(x), k = attention.keys(x);
    std::vector<at::Tensor> parts;
    for (const auto& bucket : buckets_) parts.push_back(mixed_in(bucket, q, k, v, mask, attention));
    mixed = at::cat(parts).index_select(0, place_of_row_);
  }
  if (mask.defined()) {
    const auto seen = seen_any(mask).view({mask.size(0), 1, mask.size(1), 1});
    mixed = at::where(seen, mixed, v.mean(0, /*keepdim=*/true));
  }
  return attention.output(mixed);
}

std::vector<int64_t> ends_of_parts(const at::Tensor& group_ids, int64_t rows, int64_t most) {
  const auto ids = group_ids.defined() ? group_ids.to(at::kLong).contiguous() : at::arange(rows);
  const std::span<const int64_t> group(ids.const_data_ptr<int64_t>(), static_cast<std::size_t>(rows));
  std::unordered_map<int64_t, int64_t> last_row;
  for (int64_t row = 0; row < rows; ++row) last_row[group[static_cast<std::size_t>(row)]] = row;
  std::vector<int64_t> ends;
  int64_t begin = 0, whole = 0;  // no group of the rows before `whole` has rows behind it
  for (int64_t row = 0, open_until = -1; row < rows; ++row) {
    open_until = std::max(open_until, last_row.at(group[static_cast<std::size_t>(row)]));
    if (open_until > row) continue;
    if (row + 1 - begin > most && whole > begin) {
      ends.push_back(whole);
      begin = whole;
    }
    whole = row + 1;
  }
  if (rows > 0) ends.push_back(rows);
  return ends;
}

}  // namespace arzoo::forecast
