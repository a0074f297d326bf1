#pragma once

#include "language/combiner_lm.h"
#include "language/language_model.h"

namespace arzoo::language {

/// Combiner as a language model. It reads an id 0 before the first token.
class CombinerLm : public CausalModel {
 public:
  explicit CombinerLm(const CombinerOptions& options);

  int64_t vocabulary() const override { return options_.vocab_size; }
  int64_t longest() const override { return options_.max_len; }
  std::optional<int64_t> start() const override { return 0; }
  at::Tensor logits(const at::Tensor& ids) override { return logits(ids, nullptr); }
  at::Tensor logits(const at::Tensor& ids, nn::DecoderTrace* trace);
  /// Reads everything again for each token.
  std::unique_ptr<nn::TokenStream> stream(int64_t capacity) override;
  void initialise() override;

 private:
  /// What a rowmajor layer makes its summaries with.
  struct Summary {
    nn::Affine out, key, norm;
  };
  void add_layer(torch::nn::Module& owner);
  at::Tensor mix(std::size_t layer, const nn::QkvHeads& heads, const at::Tensor& x) const;

  CombinerOptions options_;
  nn::Decoder decoder_;
  at::Tensor embedding_;  ///< [V, D]
  nn::DecoderWeights weights_;
  std::vector<Summary> summaries_;
  nn::Affine head_;
};

}  // namespace arzoo::language
