#include "nn/combiner_cache.h"

#include <torch/torch.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "nn/kv_cache.h"

namespace arzoo::nn {
namespace {

/// A query's one softmax over all that it sees. q: [B, H, 1, E]; returns the same shape.
at::Tensor joint_attention(const at::Tensor& q, const std::vector<KeysAndValues>& seen) {
  std::vector<at::Tensor> scores;
  std::vector<int64_t> counts;
  for (const auto& [keys, values] : seen) {
    scores.push_back(at::matmul(q, keys.transpose(-2, -1)));
    counts.push_back(keys.size(2));
  }
  const auto shares = at::softmax(at::cat(scores, -1), -1).split_with_sizes(counts, -1);
  auto mixed = at::matmul(shares[0], seen[0].values);
  for (std::size_t i = 1; i < seen.size(); ++i) mixed = mixed + at::matmul(shares[i], seen[i].values);
  return mixed;
}

/// The kinds that close one segment after the other.
class SegmentMemory : public CombinerMemory {
 public:
  explicit SegmentMemory(int64_t segment) : segment_(segment) {}

  void add(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& x) override {
    for (int64_t from = 0; from < q.size(2);) {
      const bool whole = length_ == 0 && q.size(2) - from >= segment_;
      const int64_t take =
          whole ? (q.size(2) - from) / segment_ * segment_ : std::min(q.size(2) - from, segment_ - length_);
      const auto part = [&](const at::Tensor& all, int64_t axis) { return all.narrow(axis, from, take); };
      if (whole) {
        close_rows(part(q, 2), part(k, 2), part(v, 2), part(x, 1));
      } else {
        open(part(q, 2), part(k, 2), part(v, 2), part(x, 1));
      }
      from += take;
    }
  }

  std::vector<KeysAndValues> seen_by_next(const at::Tensor& k, const at::Tensor& v) const override {
    std::vector<KeysAndValues> seen{{k, v}};
    if (length_ > 0) seen.push_back({k_.narrow(2, 0, length_), v_.narrow(2, 0, length_)});
    add_spans(seen);
    return seen;
  }

 protected:
  /// Complete segments. q, k, v: [B, H, R, S, E]; x: [B, R, S, D].
  virtual void close(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& x) = 0;
  /// The spans that the token at `column` of the open segment sees.
  virtual void add_spans(std::vector<KeysAndValues>& seen) const = 0;

  int64_t column() const { return length_; }
  int64_t rows() const { return rows_; }
  int64_t segment() const { return segment_; }

 private:
  void close_rows(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& x) {
    const int64_t rows = q.size(2) / segment_;
    const auto in_rows = [&](const at::Tensor& all, int64_t axis) {
      return all.unflatten(axis, {rows, segment_});
    };
    close(in_rows(q, 2), in_rows(k, 2), in_rows(v, 2), in_rows(x, 1));
    rows_ += rows;
  }

  void open(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& x) {
    const auto put = [&](at::Tensor& storage, const at::Tensor& tokens, int64_t axis) {
      if (!storage.defined()) {
        auto sizes = tokens.sizes().vec();
        sizes[static_cast<std::size_t>(axis)] = segment_;
        storage = at::empty(sizes, tokens.options());
      }
      storage.narrow(axis, length_, tokens.size(axis)).copy_(tokens);
    };
    put(q_, q, 2);
    put(k_, k, 2);
    put(v_, v, 2);
    put(x_, x, 1);
    length_ += q.size(2);
    if (length_ < segment_) return;
    length_ = 0;
    close_rows(q_, k_, v_, x_);
  }

  int64_t segment_, rows_ = 0, length_ = 0;
  at::Tensor q_, k_, v_, x_;  ///< of the open segment, room for S tokens
};

class FixedMemory : public SegmentMemory {
 public:
  using SegmentMemory::SegmentMemory;

 protected:
  void close(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor&) override {
    const auto spans = segment_spans(q, k, v);
    spans_.append(spans.keys, spans.values);
  }
  void add_spans(std::vector<KeysAndValues>& seen) const override {
    if (rows() == 0) return;
    const auto [keys, values] = spans_.first(rows());
    seen.push_back({keys, values});
  }

 private:
  KvCache spans_{/*capacity=*/16};
};

/// Something of each token of the closed rows, read by column.
class ByColumn {
 public:
  /// of: [B, H, R, S, E].
  void append(const KeysAndValues& of) {
    heads_ = of.keys.size(1);
    const auto columns = [](const at::Tensor& x) {
      return x.transpose(2, 3).flatten(1, 2);
    };  // [B, H S, R, E]
    cache_.append(columns(of.keys), columns(of.values));
  }
  /// [B, H, R, E] of one column.
  KeysAndValues column(int64_t at) const {
    const auto all = every();
    return {all.keys.select(2, at), all.values.select(2, at)};
  }
  /// [B, H, S, R, E].
  KeysAndValues every() const {
    const auto [keys, values] = cache_.first(cache_.length());
    const int64_t segment = keys.size(1) / heads_;
    return {keys.unflatten(1, {heads_, segment}), values.unflatten(1, {heads_, segment})};
  }

 private:
  int64_t heads_ = 1;
  KvCache cache_{/*capacity=*/16};
};

class RowmajorMemory : public SegmentMemory {
 public:
  RowmajorMemory(int64_t segment, RowSummaryKeys summary_keys)
      : SegmentMemory(segment), summary_keys_(std::move(summary_keys)) {}

 protected:
  void close(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& x) override {
    summaries_.append(row_summaries(q, k, v, x, summary_keys_));
  }
  void add_spans(std::vector<KeysAndValues>& seen) const override {
    if (rows() > 0) seen.push_back(summaries_.column(column()));
  }

 private:
  RowSummaryKeys summary_keys_;
  ByColumn summaries_;
};

class AxialMemory : public SegmentMemory {
 public:
  using SegmentMemory::SegmentMemory;

 protected:
  void close(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor&) override {
    tokens_.append({k, v});
    left_.append(prefix_spans(q, k, v));
    right_.append(suffix_spans(q, k, v));
    const auto largest = [](const at::Tensor& so_far, const at::Tensor& rows) {
      const auto own = rows.amax(2);
      return so_far.defined() ? at::maximum(so_far, own) : own;
    };
    largest_q_ = largest(largest_q_, q);
    above_.keys = largest(above_.keys, k);
    const auto all = tokens_.every();
    const auto scores = at::matmul(largest_q_.unsqueeze(3), all.keys.transpose(-2, -1));  // [B, H, S, 1, R]
    above_.values = at::matmul(at::softmax(scores, -1), all.values).squeeze(3);
  }
  void add_spans(std::vector<KeysAndValues>& seen) const override {
    if (rows() == 0) return;
    seen.push_back(tokens_.column(column()));
    for (const auto& [from, count] :
         {std::pair{int64_t{0}, column()}, {column() + 1, segment() - column() - 1}}) {
      if (count > 0)
        seen.push_back({above_.keys.narrow(2, from, count), above_.values.narrow(2, from, count)});
    }
    if (column() > 0) seen.push_back(left_.column(column() - 1));
    if (column() + 1 < segment()) seen.push_back(right_.column(column() + 1));
  }

 private:
  ByColumn tokens_, left_, right_;
  at::Tensor largest_q_;  ///< of each column, [B, H, S, E]
  KeysAndValues above_;   ///< the span of each column, [B, H, S, E]
};

/// A binary counter: the bits of the number of tokens are the spans that the next one sees.
class LognMemory : public CombinerMemory {
 public:
  explicit LognMemory(int64_t levels) : levels_(static_cast<std::size_t>(levels)) {}

  void add(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor&) override {
    tokens_.append(k, v);
    if (q.size(2) > 1) return add_many(q);
    // One token closes one block: that of the lowest bit of the new count.
    auto largest = q;
    const auto closed = static_cast<std::size_t>(std::countr_zero(static_cast<uint64_t>(tokens_.length())));
    if (closed >= levels_.size()) return;
    for (std::size_t level = 0; level < closed; ++level)
      largest = at::maximum(largest, levels_[level].largest_q);
    levels_[closed] = span_before(tokens_.length(), int64_t{1} << closed, largest);
  }

  std::vector<KeysAndValues> seen_by_next(const at::Tensor& k, const at::Tensor& v) const override {
    std::vector<at::Tensor> keys{k}, values{v};
    for (std::size_t level = 0; level < levels_.size(); ++level) {
      if (((tokens_.length() >> level) & 1) == 0) continue;
      keys.push_back(levels_[level].span.keys);
      values.push_back(levels_[level].span.values);
    }
    return {{at::cat(keys, 2), at::cat(values, 2)}};
  }

 private:
  struct Level {
    at::Tensor largest_q;  ///< [B, H, 1, E]
    KeysAndValues span;    ///< [B, H, 1, E]
  };

  /// The span of the `block` tokens before `end`.
  Level span_before(int64_t end, int64_t block, const at::Tensor& largest_q) const {
    const auto [all_k, all_v] = tokens_.first(end);
    const auto k = all_k.narrow(2, end - block, block), v = all_v.narrow(2, end - block, block);
    const auto shares = at::softmax(at::matmul(largest_q, k.transpose(-2, -1)), -1);
    return {largest_q, {k.amax(2, /*keepdim=*/true), at::matmul(shares, v)}};
  }

  /// The first tokens. q: of all of them.
  void add_many(const at::Tensor& q) {
    const int64_t count = tokens_.length();
    for (std::size_t level = 0; level < levels_.size(); ++level) {
      const int64_t block = int64_t{1} << level;
      if ((count & block) == 0) continue;
      const int64_t end = count / block * block;
      levels_[level] = span_before(end, block, q.narrow(2, end - block, block).amax(2, /*keepdim=*/true));
    }
  }

  KvCache tokens_{/*capacity=*/64};
  std::vector<Level> levels_;
};

std::unique_ptr<CombinerMemory> memory_of(const CombinerPattern& pattern,
                                          const RowSummaryKeys& summary_keys) {
  switch (pattern.kind) {
    case CombinerKind::fixed:
      return std::make_unique<FixedMemory>(pattern.segment);
    case CombinerKind::logn:
      return std::make_unique<LognMemory>(pattern.levels);
    case CombinerKind::rowmajor:
      return std::make_unique<RowmajorMemory>(pattern.segment, summary_keys);
    case CombinerKind::axial:
      return std::make_unique<AxialMemory>(pattern.segment);
  }
  return nullptr;
}

}  // namespace

at::Tensor CombinerCache::read(const QkvHeads& heads, const at::Tensor& x,
                               const RowSummaryKeys& summary_keys) {
  const auto q = heads.q / std::sqrt(static_cast<double>(heads.q.size(-1)));
  if (memory_ == nullptr) {
    memory_ = memory_of(pattern_, summary_keys);
    memory_->add(q, heads.k, heads.v, x);
    return combiner_attention(heads, x, pattern_, summary_keys);
  }
  std::vector<at::Tensor> results;
  for (int64_t t = 0; t < q.size(2); ++t) {
    const auto k = heads.k.narrow(2, t, 1), v = heads.v.narrow(2, t, 1), own = q.narrow(2, t, 1);
    results.push_back(joint_attention(own, memory_->seen_by_next(k, v)));
    memory_->add(own, k, v, x.narrow(1, t, 1));
  }
  return results.size() == 1 ? results[0] : at::cat(results, 2);
}

}  // namespace arzoo::nn
