#pragma once

#include "language/language_model.h"
#include "language/primer_lm.h"
#include "nn/transformer_block.h"

namespace arzoo::language {

nn::BlockOptions primer_block_options(const PrimerOptions& options);

/// The parameters of one block: norm1, attn, norm2, ffn.
class PrimerBlock : public torch::nn::Module {
 public:
  explicit PrimerBlock(const PrimerOptions& options);
  const nn::BlockWeights& weights() const { return weights_; }
  /// Those of the official class, by fan-in.
  void initialise();

 private:
  PrimerOptions options_;
  nn::BlockWeights weights_;
};

/// Primer as a language model. It reads an id 0 before the first token.
class PrimerLm : public DecoderModel {
 public:
  explicit PrimerLm(const PrimerOptions& options);

  int64_t vocabulary() const override { return options_.vocab_size; }
  std::optional<int64_t> start() const override { return 0; }
  int64_t layers() const override { return options_.num_layers; }
  at::Tensor hidden(const at::Tensor& ids, const nn::DecoderPass& pass) override;
  at::Tensor head(const at::Tensor& hidden) override;
  /// With the z loss in training; targets of id 0 are padding.
  runtime::Losses loss(const at::Tensor& rows) override;
  TokenLosses token_losses(const at::Tensor& rows) override;
  void initialise() override;

 protected:
  bool reads_packed() const override { return false; }

 private:
  PrimerOptions options_;
  nn::Decoder decoder_;
  at::Tensor embedding_;  ///< [V, D]
  nn::DecoderWeights weights_;
  std::vector<std::shared_ptr<PrimerBlock>> blocks_;
};

}  // namespace arzoo::language
