#pragma once

#include "language/nano_gpt.h"
#include "language/ssa_lm.h"

namespace arzoo::language {

/// A nanoGPT whose attention is subsampled in training, anew for each layer and row, and plain otherwise.
class SsaLm : public NanoGpt {
 public:
  explicit SsaLm(const SsaOptions& options);

  int64_t granularity() const override { return options_.is_local() ? options_.window : 1; }
  at::Tensor logits(const at::Tensor& ids) override;
  /// Of plain attention, or of the mean of the ensemble's probabilities.
  TokenLosses token_losses(const at::Tensor& rows) override;
  void prepare(const TrainingMoment& moment) override;

  /// Random orders of the tokens by layer, [layers, B, T] long, of numbers that are uniform (unbiased) or
  /// normal (local), [layers, B, T].
  at::Tensor orders(const at::Tensor& numbers) const;
  /// Logits where each layer sees the sources of its order. ids: [B, T].
  at::Tensor subsampled_logits(const at::Tensor& ids, const at::Tensor& orders,
                               nn::DecoderTrace* trace = nullptr);
  /// Mean of the softmax of subsampled_logits, [B, T, V]. numbers: [n, layers, B, T].
  at::Tensor ensemble_shares(const at::Tensor& ids, const at::Tensor& numbers);

 private:
  at::Tensor fresh_numbers(const at::Tensor& ids, std::optional<at::Generator> generator) const;

  SsaOptions options_;
  bool dense_ = false;  ///< the last steps have begun
};

}  // namespace arzoo::language
