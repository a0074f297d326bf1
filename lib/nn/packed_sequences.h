#pragma once

#include <vector>

#include "nn/split_heads.h"

namespace arzoo::nn {

/// Sequences of unequal length one behind the other, without their padding (Zhai et al., ByteTransformer,
/// IPDPS 2023, Sec. 3.2): whatever works token by token works on them as they are, and costs what the tokens
/// cost. B sequences, T the longest, N tokens of all.
class PackedSequences {
 public:
  /// mask: [B, T], 0 where there is padding. A sequence may be empty.
  explicit PackedSequences(const at::Tensor& mask);

  int64_t sequences() const { return static_cast<int64_t>(ends_.size()) - 1; }
  int64_t begin(int64_t sequence) const { return ends_[static_cast<std::size_t>(sequence)]; }
  int64_t end(int64_t sequence) const { return ends_[static_cast<std::size_t>(sequence) + 1]; }
  /// Where each sequence begins, and the end of the last, [B + 1] long.
  at::Tensor boundaries() const;
  /// Places of the tokens in the padded rows, counted over all rows, and within their row: [N] long.
  const at::Tensor& places() const { return places_; }
  at::Tensor columns() const { return places_.remainder(length_); }

  /// x: [B, T, ...]; returns [N, ...].
  at::Tensor pack(const at::Tensor& x) const;
  /// x: [N, ...]; returns [B, T, ...], 0 where there is padding.
  at::Tensor unpack(const at::Tensor& x) const;
  /// Mean of each sequence's tokens, 0 of an empty one. x: [N, D]; returns [B, D].
  at::Tensor mean(const at::Tensor& x) const;

 private:
  int64_t rows_, length_;
  at::Tensor places_;
  std::vector<int64_t> ends_;
};

/// Attention within each sequence. Heads of [1, H, N, E]; returns the same shape.
at::Tensor packed_attention(const QkvHeads& heads, const PackedSequences& sequences);

}  // namespace arzoo::nn
