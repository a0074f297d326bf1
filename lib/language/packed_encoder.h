#pragma once

#include <string>

#include "nn/packed_sequences.h"
#include "nn/transformer_block.h"

namespace arzoo::language {

/// A post-norm encoder block's options.
struct EncoderBlockOptions {
  int64_t heads = 1;
  std::string activation = "gelu";  ///< gelu | gelu_tanh or gelu_new | relu | quick_gelu
  double norm_eps = 1e-12;
  double dropout = 0.0;            ///< on each branch
  double attention_dropout = 0.0;  ///< on the probabilities
};

/// Post-norm encoder blocks on packed sequences (ByteTransformer, Zhai et al., IPDPS 2023): all that is done
/// token by token takes the tokens of all sequences as one row, attention each sequence on its own. N tokens
/// of all, D width.
class PackedEncoder {
 public:
  explicit PackedEncoder(const EncoderBlockOptions& options);

  /// One block. x: [N, D]; returns [N, D].
  at::Tensor block(const at::Tensor& x, const nn::BlockWeights& weights, const nn::PackedSequences& sequences,
                   bool training = false) const;
  /// The attention's result before its last map, [N, D].
  at::Tensor context(const at::Tensor& x, const nn::BlockWeights& weights,
                     const nn::PackedSequences& sequences) const;

 private:
  EncoderBlockOptions options_;
  nn::TransformerBlock block_;
};

}  // namespace arzoo::language
