#pragma once

#include "language/language_model.h"
#include "nn/gpt_blocks.h"
#include "runtime/named_tensors.h"

namespace arzoo::language {

/// nanoGPT: GPT-2's blocks without biases, [out, in] weights, and the embedding as the head, under
/// "transformer".
class NanoGpt : public DecoderModel {
 public:
  /// make_map: of maps that are not dense.
  NanoGpt(const nn::DecoderOptions& options, int64_t vocabulary, int64_t block_size,
          nn::GptBlocks::MakeMap make_map = {});

  int64_t vocabulary() const override { return embedding_.size(0); }
  int64_t longest() const override { return block_size_; }
  int64_t layers() const override { return layers_; }
  at::Tensor hidden(const at::Tensor& ids, const nn::DecoderPass& pass) override;
  at::Tensor head(const at::Tensor& hidden) override;
  void initialise() override { transformer_->initialise(); }

 protected:
  nn::GptBlocks& transformer() { return *transformer_; }
  const at::Tensor& embedding() const { return embedding_; }

 private:
  int64_t layers_, block_size_;
  std::shared_ptr<nn::GptBlocks> transformer_;
  at::Tensor embedding_;  ///< [V, D]
};

/// The tensors of a nanoGPT without the head that repeats the embedding. Throws CheckpointError where it
/// differs from it.
runtime::NamedTensors without_tied_head(const runtime::NamedTensors& tensors);

}  // namespace arzoo::language
