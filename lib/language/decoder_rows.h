#pragma once

#include "language/language_model.h"
#include "nn/packed_sequences.h"

namespace arzoo::language {

/// Texts in the middle of their generation that pass through a decoder together, one behind the other, each
/// with a cache of its own.
class DecoderRows : public nn::DraftTarget {
 public:
  /// Reads all tokens of each prompt but the last; `ids`: those that logits are wanted of, the first. The
  /// model must outlive it.
  DecoderRows(DecoderModel& model, const std::vector<std::vector<int64_t>>& prompts, int64_t capacity,
              int64_t ids);

  at::Tensor read(const std::vector<nn::DraftTree>& trees) override;
  void keep(std::size_t row, int64_t length, const std::vector<int64_t>& nodes) override;

 private:
  /// Of tokens one behind the other, [1, N, D], at these places, undefined: behind what the rows hold.
  at::Tensor hidden(const std::vector<int64_t>& ids, std::vector<nn::CachedSequence> sequences,
                    const at::Tensor& places);

  DecoderModel& model_;
  int64_t ids_;
  std::vector<nn::DecoderCache> rows_;
};

}  // namespace arzoo::language
