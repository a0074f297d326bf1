#pragma once

#include "language/bert.h"
#include "nn/packed_sequences.h"
#include "nn/transformer_block.h"
#include "runtime/named_tensors.h"

namespace arzoo::language {

/// Post-norm encoder blocks on packed sequences (ByteTransformer, Zhai et al., IPDPS 2023).
class PackedEncoder {
 public:
  explicit PackedEncoder(const nn::BlockOptions& options) : block_(options) {}

  /// One block. x: [N, D]; returns [N, D].
  at::Tensor block(const at::Tensor& x, const nn::BlockWeights& weights,
                   const nn::PackedSequences& sequences) const;
  /// The attention's result before its last map, [N, D].
  at::Tensor context(const at::Tensor& x, const nn::BlockWeights& weights,
                     const nn::PackedSequences& sequences) const;

 private:
  nn::TransformerBlock block_;
};

/// A post-norm block: heads, activation of the feed-forward layer, what is added to the variance.
nn::BlockOptions encoder_block_options(int64_t heads, const std::string& activation, double norm_eps);

/// BERT under the names of transformers' BertModel. B texts, T tokens, N tokens of all, D width.
class Bert : public torch::nn::Module {
 public:
  explicit Bert(const BertOptions& options);

  /// What a text becomes.
  struct Encoded {
    nn::PackedSequences sequences;
    at::Tensor hidden;                ///< [N, D], one text behind the other
    std::vector<at::Tensor> inputs;   ///< of each block, [N, D]
    at::Tensor pooled;                ///< tanh(W h_0 + b) of each text's first token, [B, D]
  };
  /// ids, mask, types: [B, T] long; mask 0 where there is padding, which costs nothing.
  Encoded encode(const at::Tensor& ids, const at::Tensor& mask, const at::Tensor& types) const;
  const BertOptions& options() const { return options_; }

 private:
  BertOptions options_;
  PackedEncoder encoder_;
  at::Tensor words_, positions_, types_;
  nn::Affine norm_, pooler_;
  std::vector<nn::BlockWeights> blocks_;
};

/// A published file's tensors under BertModel's names: without the prefix "bert." and the heads of other
/// classes ("cls.*"), and with weight and bias for the gamma and beta of old files.
runtime::NamedTensors bert_tensors(const runtime::NamedTensors& file);

}  // namespace arzoo::language
