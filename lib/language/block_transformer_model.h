#pragma once

#include "language/block_transformer.h"
#include "language/language_model.h"
#include "nn/named_decoder.h"
#include "runtime/named_tensors.h"

namespace arzoo::language {

/// Intermediate results of one pass. M: blocks that are predicted.
struct BlockPassTrace {
  at::Tensor block_inputs, block_hidden;  ///< [B, N, C]
  at::Tensor expanded;                    ///< [B (N - 1), ratio, token width]
};

/// Block Transformer under the official names: an embedder makes a vector of each block of tokens, the block
/// decoder looks back over the blocks, and the token decoder writes the next block from what it is told of
/// them. B rows, N blocks, L tokens of a block, C width, V vocabulary.
class BlockTransformer : public LanguageModel {
 public:
  explicit BlockTransformer(const BlockTransformerOptions& options);

  int64_t vocabulary() const override { return options_.vocab_size; }
  int64_t granularity() const override { return options_.block_length; }
  /// Of every token: the first one stands at the end of a block of padding.
  TokenLosses token_losses(const at::Tensor& rows) override;
  runtime::Losses loss(const at::Tensor& rows) override;
  std::unique_ptr<nn::TokenStream> stream(int64_t capacity) override;
  void initialise() override;

  /// How the token decoder's places are counted: as in training, or as the official generate() counts them,
  /// for replays: every vector of a block stands at 0 and token j at j.
  enum class Places { trained, official };
  std::unique_ptr<nn::TokenStream> stream(int64_t capacity, Places places);

  /// ids: [B, N, L]; mask of tokens, 0 where there is padding: [B, N, L]. Logits of blocks 1 … N - 1, [B, N -
  /// 1, L, V].
  at::Tensor block_logits(const at::Tensor& ids, const at::Tensor& mask, BlockPassTrace* trace = nullptr);
  /// Mean cross entropy of the tokens of blocks 1 … N - 1 whose mask is 1.
  at::Tensor block_loss(const at::Tensor& ids, const at::Tensor& mask);

  /// Vectors of blocks, [B, N, C]. ids: [B, N, L].
  at::Tensor embedded_blocks(const at::Tensor& ids) const;
  /// What the token decoder is told of a block. hidden: [..., C]; returns [rows, ratio, token width].
  at::Tensor expanded(const at::Tensor& hidden) const;
  /// The token decoder's inputs for tokens of a block behind its vectors. vectors: [rows, ratio, W]; ids:
  /// [rows, J], the first J tokens of the block.
  at::Tensor token_inputs(const at::Tensor& vectors, const at::Tensor& ids) const;

  const BlockTransformerOptions& options() const { return options_; }
  const nn::NamedDecoder& block_decoder() const { return *block_decoder_; }
  const nn::NamedDecoder& token_decoder() const { return *token_decoder_; }
  at::Tensor head(const at::Tensor& hidden) const { return head_->forward(hidden); }

  /// Takes over the layers, embedding and head of a GPT-NeoX ("gpt_neox.*", "embed_out") as the options say:
  /// by default the embedder becomes the mean of a block's tokens and the expansion the identity. The block
  /// decoder's last norm stays as it is. Throws CheckpointError for a model of other sizes.
  void take_vanilla(const runtime::NamedTensors& vanilla);

 private:
  /// Logits of blocks whose vectors and first L - 1 tokens these are. vectors: [M, ratio, W]; ids: [M, L -
  /// 1]; returns [M, L, V].
  at::Tensor token_logits(const at::Tensor& vectors, const at::Tensor& ids);

  BlockTransformerOptions options_;
  at::Tensor table_;                                ///< of the embedder, [V, E]
  at::Tensor projection_weight_, projection_bias_;  ///< [C, E, L], [C]; undefined for concat
  std::shared_ptr<nn::NamedDecoder> block_decoder_, token_decoder_;
  at::Tensor expansion_weight_, expansion_bias_;  ///< [ratio W, C, 1], [ratio W]; undefined for none
  std::shared_ptr<nn::LinearLayer> head_;
};

}  // namespace arzoo::language
