#pragma once

#include "language/bert.h"
#include "language/language_model.h"
#include "language/packed_encoder.h"
#include "runtime/named_tensors.h"

namespace arzoo::language {

/// What texts become. B texts, N tokens of all, D width.
struct EncodedTexts {
  at::Tensor hidden;               ///< [N, D], one text behind the other
  std::vector<at::Tensor> inputs;  ///< of each block, [N, D]
};

/// The encoder under the names of transformers' BertModel.
class Bert : public torch::nn::Module {
 public:
  /// with_pooler: the map of a text's first token, which models trained to fill in words alone do not have.
  Bert(const BertOptions& options, bool with_pooler);

  /// ids, types: [N] long, packed; types undefined: all 0.
  EncodedTexts encode(const at::Tensor& ids, const nn::PackedSequences& sequences,
                      const at::Tensor& types = {}) const;
  /// tanh(W h_0 + b) of each text's first token. hidden: [N, D]; returns [B, D].
  at::Tensor pooled(const at::Tensor& hidden, const nn::PackedSequences& sequences) const;
  bool has_pooler() const { return pooler_.defined(); }
  const BertOptions& options() const { return options_; }
  const at::Tensor& words() const { return words_; }

 private:
  void add_layer(torch::nn::Module& owner);

  BertOptions options_;
  PackedEncoder encoder_;
  at::Tensor words_, positions_, types_;
  nn::Affine norm_, pooler_;
  std::vector<nn::BlockWeights> blocks_;
};

/// BERT in training: it fills in hidden tokens, under the names of transformers' BertForMaskedLM. Its head's
/// last map is the embedding.
class BertLm : public LanguageModel {
 public:
  explicit BertLm(const BertOptions& options);

  int64_t vocabulary() const override { return options_.vocab_size; }
  int64_t longest() const override { return options_.max_position_embeddings; }
  bool writes() const override { return false; }
  /// Of every seventh token, hidden from a pass that sees the others.
  TokenLosses token_losses(const at::Tensor& rows) override;
  /// Of a random share of the tokens.
  runtime::Losses loss(const at::Tensor& rows) override;
  /// Throws UsageError: an encoder continues no text.
  std::unique_ptr<nn::TokenStream> stream(int64_t capacity) override;
  void initialise() override;

  const std::shared_ptr<Bert>& encoder() const { return bert_; }

 private:
  /// Logits of the tokens at `chosen`, [M] long, of rows read as they are. ids: [B, T]; returns [M, V].
  at::Tensor filled(const at::Tensor& ids, const at::Tensor& chosen) const;

  BertOptions options_;
  std::shared_ptr<Bert> bert_;
  nn::Affine transform_, norm_;
  at::Tensor bias_;  ///< [V]
};

/// Of a published folder's config.json, whose tokenizer knows the mask's id. Throws ConfigError for what the
/// encoder cannot do (relative positions, decoders).
BertOptions published_bert_options(const Config& config);
/// A published file's tensors under BertModel's names: without the prefix "bert." and the heads of other
/// classes ("cls.*"), and with weight and bias for the gamma and beta of old files.
runtime::NamedTensors bert_tensors(const runtime::NamedTensors& file);

}  // namespace arzoo::language
