#pragma once

#include <memory>
#include <vector>

#include "nn/combiner_attention.h"

/// What one layer of Combiner attention remembers in a generation: each token is read once, and a span is
/// made once, when its last token has come.
namespace arzoo::nn {

/// The rules by which one kind keeps its tokens and spans.
class CombinerMemory {
 public:
  virtual ~CombinerMemory() = default;
  /// Adds tokens, q scaled. q, k, v: [B, H, T, E]; x: [B, T, D].
  virtual void add(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& x) = 0;
  /// What the query of the next token sees, itself included. q, k, v: [B, H, 1, E], q scaled.
  virtual std::vector<KeysAndValues> seen_by_next(const at::Tensor& k, const at::Tensor& v) const = 0;
};

class CombinerCache {
 public:
  explicit CombinerCache(const CombinerPattern& pattern) : pattern_(pattern) {}

  /// As combiner_attention of all tokens so far: the results of those added now. A first call reads any
  /// number at once, later ones token by token. heads: [B, H, T, E], unscaled; x: [B, T, D]; returns [B, H,
  /// T, E]. In inference.
  at::Tensor read(const QkvHeads& heads, const at::Tensor& x, const RowSummaryKeys& summary_keys = {});

 private:
  CombinerPattern pattern_;
  std::unique_ptr<CombinerMemory> memory_;  ///< null until tokens have come
};

}  // namespace arzoo::nn
