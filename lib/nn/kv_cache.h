#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

namespace arzoo::nn {

/// Keys and values of the tokens that one attention layer has seen, in storage reserved once: a step of
/// generation copies its own tokens and no others.
class KvCache {
 public:
  /// `capacity`: tokens to reserve room for; more make it grow.
  explicit KvCache(int64_t capacity) : capacity_(capacity) {}

  int64_t length() const { return length_; }
  /// What the storage takes.
  int64_t bytes() const { return keys_.defined() ? static_cast<int64_t>(2 * keys_.nbytes()) : 0; }
  /// Appends k and v, [B, G, T, E] each, and returns all so far, [B, G, length(), E] each, as views.
  std::pair<at::Tensor, at::Tensor> append(const at::Tensor& k, const at::Tensor& v);

  /// Makes room for the keys and values of more tokens, `sizes` = [B, G, T, E], and returns it to be written.
  std::pair<at::Tensor, at::Tensor> extend(at::IntArrayRef sizes, const at::TensorOptions& options);
  /// Makes room for one more token in storage that does not move, zero where nothing is, and returns its
  /// address: while it stays the same, a step on it may be recorded. Call before append_at().
  const void* reserve_token();
  /// Writes the one token k and v, [B, G, 1, E] each, at `place`, [1] long, and returns the whole storage,
  /// [B, G, capacity, E] each. The length is as before: advance() tells of it.
  std::pair<at::Tensor, at::Tensor> append_at(const at::Tensor& k, const at::Tensor& v,
                                              const at::Tensor& place);
  void advance() { ++length_; }
  /// Tokens that there is room for.
  int64_t capacity() const { return keys_.defined() ? keys_.size(2) : capacity_; }

  /// The first `tokens` keys and values, [B, G, tokens, E] each, as views.
  std::pair<at::Tensor, at::Tensor> first(int64_t tokens) const;

  /// Forgets all tokens but the first `length`, at most length(): a draft that was not accepted.
  void truncate(int64_t length);
  /// Of the tokens from `length` on only those at `places` stay, moved up behind the first `length`: the
  /// accepted path of a tree of drafts. places: [N] long, ascending, each at least `length`.
  void keep_tokens(int64_t length, const at::Tensor& places);
  /// Batch row i becomes what row rows[i] was: beams, or rows that have not ended. rows: [R] long.
  void select_rows(const at::Tensor& rows);

 private:
  int64_t capacity_, length_ = 0;
  at::Tensor keys_, values_;      ///< [B, G, capacity, E]
  const void* zeroed_ = nullptr;  ///< the storage whose unused part is known to be finite
};

}  // namespace arzoo::nn
