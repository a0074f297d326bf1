#pragma once

#include <vector>

#include "kernels/attention.h"
#include "nn/decoder.h"
#include "nn/split_heads.h"

namespace arzoo::nn {

/// Sequences of unequal length one behind the other, without their padding (Zhai et al., ByteTransformer,
/// IPDPS 2023, Sec. 3.2): whatever works token by token works on them as they are, and costs what the tokens
/// cost. B sequences, T the longest, N tokens of all. A sequence may be empty.
class PackedSequences {
 public:
  /// mask: [B, T], 0 where there is padding.
  explicit PackedSequences(const at::Tensor& mask);
  /// Sequences of these lengths, without padding between their tokens.
  explicit PackedSequences(const std::vector<int64_t>& lengths);

  int64_t sequences() const { return static_cast<int64_t>(ends_.size()) - 1; }
  int64_t tokens() const { return ends_.back(); }
  int64_t begin(int64_t sequence) const { return ends_[static_cast<std::size_t>(sequence)]; }
  int64_t end(int64_t sequence) const { return ends_[static_cast<std::size_t>(sequence) + 1]; }
  int64_t length(int64_t sequence) const { return end(sequence) - begin(sequence); }
  /// Where each sequence begins, and the end of the last, [B + 1] long.
  at::Tensor boundaries() const;
  /// Places of the tokens in the padded rows, counted over all rows, and within their row: [N] long.
  const at::Tensor& places() const { return places_; }
  at::Tensor columns() const { return places_.remainder(length_); }

  /// x: [B, T, ...]; returns [N, ...].
  at::Tensor pack(const at::Tensor& x) const;
  /// x: [N, ...]; returns [B, T, ...], 0 where there is padding.
  at::Tensor unpack(const at::Tensor& x) const;
  /// The first token and the mean of the tokens of each sequence, 0 of an empty one. x: [N, D]; returns [B,
  /// D].
  at::Tensor first(const at::Tensor& x) const;
  at::Tensor mean(const at::Tensor& x) const;

 private:
  /// Of what `one` says of each sequence that is not empty: [1, D].
  template <class One>
  at::Tensor each(const at::Tensor& x, const One& one) const;

  int64_t rows_, length_;
  at::Tensor places_;
  std::vector<int64_t> ends_{0};
};

/// Attention within each sequence; neighbours of one length are computed together. Heads of [1, H, N, E];
/// returns the same shape.
at::Tensor packed_attention(const QkvHeads& heads, const PackedSequences& sequences,
                            const kernels::AttentionMode& mode = {});

/// The tokens that one of several generations gives to a pass.
struct CachedSequence {
  int64_t tokens = 0;
  DecoderCache* cache = nullptr;  ///< the tokens before these, to which they are added
  at::Tensor bias = {};           ///< [B or 1, 1, tokens, past + tokens]; undefined: causal
};

/// A decoder's pass over the tokens of generations one behind the other, [B, N, D], each of which sees itself
/// alone. Their caches must outlive it. position_ids: [N] long; undefined: behind what each cache holds. For
/// plain softmax attention: without convolutions, relative biases and a scale of its own.
DecoderPass packed_pass(std::vector<CachedSequence> sequences, const at::Tensor& position_ids = {});

}  // namespace arzoo::nn
