#pragma once

#include <span>

#include "icl/alpine_nanogpt.h"
#include "icl/in_context_learner.h"
#include "nn/gpt_blocks.h"

namespace arzoo::icl {

/// nanoGPT on token rows, under the official names ("transformer", "lm_head").
class PathLearner : public InContextLearner {
 public:
  PathLearner(const AlpineOptions& options, int64_t vocab_size, int64_t block_size);

  /// ids: [B, T] long; returns the next token's logits, [B, T, V]. With a cache, ids follow what it holds.
  at::Tensor forward(const at::Tensor& ids, nn::DecoderCache* cache = nullptr,
                     nn::DecoderTrace* trace = nullptr);
  /// Cross entropy over all targets but padding (0). ids, targets: [B, T].
  at::Tensor loss(const at::Tensor& ids, const at::Tensor& targets);
  void initialise() override;

  /// Continues prompts of equal length by sampling at temperature 1 until every row has had an `end`, or
  /// until the block is full. prompts: [B, T]; returns [B, T + new].
  at::Tensor generate(const at::Tensor& prompts, int64_t end, at::Generator generator);

  /// The head and the embedding are one tensor; puts the state dict's second name for it in order after the
  /// weights have moved to another device.
  void tie();
  const at::Tensor& embedding() const { return embedding_; }
  nn::DecoderWeights weights() const { return transformer_->weights(); }

 private:
  int64_t layers_, block_size_;
  std::shared_ptr<nn::GptBlocks> transformer_;
  at::Tensor embedding_, head_;  ///< [V, D]
};

/// The parameters that the official optimiser does not decay, as patterns for
/// TrainingOptions::no_weight_decay: embeddings and what has one axis.
std::vector<std::string> no_weight_decay_path_parameters();

}  // namespace arzoo::icl
