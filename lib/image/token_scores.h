#pragma once

#include <ATen/core/Tensor.h>

#include "runtime/losses.h"

namespace arzoo::image {

/// How well tokens are predicted, summed up token by token over any number of batches.
class TokenScores {
 public:
  /// `last`: tokens of the last scale, the end of each sample.
  explicit TokenScores(int64_t last) : last_(last) {}
  /// logits: [B, L, V]; targets: [B, L] long.
  void add(const at::Tensor& logits, const at::Tensor& targets);
  bool empty() const { return all_.tokens == 0; }
  /// As VAR's trainer calls them: {"Lm", "Lt", "Accm", "Acct"}, the mean cross-entropy without smoothing and
  /// the accuracy in percent, of all tokens (m) and of the last scale's (t).
  runtime::Metrics metrics() const;

 private:
  struct Sums {
    double loss = 0.0, hits = 0.0;
    int64_t tokens = 0;
    void add(const at::Tensor& losses, const at::Tensor& hits);
  };
  int64_t last_;
  Sums all_, tail_;
};

}  // namespace arzoo::image
