#pragma once

#include <vector>

#include "language/combiner_lm.h"
#include "language/language_model.h"
#include "nn/combiner_cache.h"

namespace arzoo::language {

/// Combiner as a language model. It reads an id 0 before the first token.
class CombinerLm : public CausalModel {
 public:
  explicit CombinerLm(const CombinerOptions& options);

  int64_t vocabulary() const override { return options_.vocab_size; }
  int64_t longest() const override { return options_.max_len; }
  std::optional<int64_t> start() const override { return 0; }
  at::Tensor logits(const at::Tensor& ids) override;
  std::unique_ptr<nn::TokenStream> stream(int64_t capacity) override;
  void initialise() override;

  /// Behind the last norm. ids: [B, T], the tokens from place `first` on; caches: one per layer, of those
  /// before them, or null where there are none; returns [B, T, D].
  at::Tensor hidden(const at::Tensor& ids, int64_t first, std::vector<nn::CombinerCache>* caches,
                    nn::DecoderTrace* trace = nullptr) const;
  /// hidden: [..., D]; returns [..., V].
  at::Tensor head(const at::Tensor& hidden) const { return nn::linear(hidden, head_); }
  const nn::CombinerPattern& pattern() const { return pattern_; }
  const CombinerOptions& options() const { return options_; }

 private:
  /// What a rowmajor layer makes its summaries with.
  struct Summary {
    nn::Affine out, key, norm;
  };
  void add_layer(torch::nn::Module& owner);
  /// W_key LN(W_out a + x) of a rowmajor layer (nn::RowSummaryKeys).
  at::Tensor summary_keys(std::size_t layer, const at::Tensor& attended, const at::Tensor& x) const;

  CombinerOptions options_;
  nn::CombinerPattern pattern_;
  nn::Decoder decoder_;
  at::Tensor embedding_;  ///< [V, D]
  nn::DecoderWeights weights_;
  std::vector<Summary> summaries_;
  nn::Affine head_;
};

}  // namespace arzoo::language
