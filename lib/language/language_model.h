#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <optional>

#include "nn/decoder.h"
#include "nn/token_decoding.h"
#include "runtime/losses.h"

/// Models of text as this family's training, scores and commands see them. B rows, T tokens, D width, V
/// vocabulary.
namespace arzoo::language {

/// What a run knows of the training step that comes next.
struct TrainingMoment {
  int64_t step = 0, steps = 1;
};

/// Negative log likelihoods of tokens.
struct TokenLosses {
  at::Tensor nats;    ///< [B, T]
  at::Tensor counts;  ///< [B, T] bool: those that the model predicts; undefined: all
};

class LanguageModel : public torch::nn::Module {
 public:
  virtual int64_t vocabulary() const = 0;
  /// The most tokens that the model can read at once; 0: any number.
  virtual int64_t longest() const { return 0; }
  /// The id that stands before the first of a text, of models that were trained with one.
  virtual std::optional<int64_t> start() const { return std::nullopt; }
  /// Whether it continues a text: an encoder does not.
  virtual bool writes() const { return true; }
  /// What a row of training must hold in multiples of; 1: any number.
  virtual int64_t granularity() const { return 1; }

  /// Of the tokens behind the first of each row. rows: [B, T + 1] long; returns [B, T].
  virtual TokenLosses token_losses(const at::Tensor& rows) = 0;
  /// What training minimises. rows: [B, T + 1] long.
  virtual runtime::Losses loss(const at::Tensor& rows) = 0;
  /// Called before each training step's loss.
  virtual void prepare(const TrainingMoment& /*moment*/) {}

  /// A generation of rows that will hold `capacity` tokens.
  virtual std::unique_ptr<nn::TokenStream> stream(int64_t capacity) = 0;
  /// Rows of these prompts, of which all tokens but the last have been read, that verify drafts or make them
  /// and will hold `capacity` tokens each, with logits of the first `ids` ids; null of a model that cannot
  /// take tokens back.
  virtual std::unique_ptr<nn::DraftTarget> draft_target(const std::vector<std::vector<int64_t>>& /*prompts*/,
                                                        int64_t /*capacity*/, int64_t /*ids*/) {
    return nullptr;
  }
  /// Fresh weights, from the default generator.
  virtual void initialise() = 0;
};

/// A model that tells the next token at each place of a row in one pass.
class CausalModel : public LanguageModel {
 public:
  /// Of the token behind each, [B, T, V]. ids: [B, T] long.
  virtual at::Tensor logits(const at::Tensor& ids) = 0;
  TokenLosses token_losses(const at::Tensor& rows) override;
  /// The mean cross entropy, unless the model says otherwise.
  runtime::Losses loss(const at::Tensor& rows) override;
};

/// Reads everything again for each token: the generation of a model without a cache, and what one with a
/// cache must equal.
class RereadingStream : public nn::TokenStream {
 public:
  explicit RereadingStream(CausalModel& model) : model_(model) {}
  at::Tensor read(const at::Tensor& ids) override;

 private:
  CausalModel& model_;
  at::Tensor all_;
};

/// A model that is one nn::Decoder between an embedding and a head.
class DecoderModel : public CausalModel {
 public:
  /// ids: [B, T], which follow what the pass's cache holds; returns [B, T, D] behind the last norm.
  virtual at::Tensor hidden(const at::Tensor& ids, const nn::DecoderPass& pass) = 0;
  /// Logits. hidden: [..., D]; returns [..., V].
  virtual at::Tensor head(const at::Tensor& hidden) = 0;
  virtual int64_t layers() const = 0;

  at::Tensor logits(const at::Tensor& ids) override;
  std::unique_ptr<nn::TokenStream> stream(int64_t capacity) override;
  std::unique_ptr<nn::DraftTarget> draft_target(const std::vector<std::vector<int64_t>>& prompts,
                                                int64_t capacity, int64_t ids) override;

 protected:
  /// Whether `hidden` reads packed generations (nn::packed_pass): plain softmax attention alone.
  virtual bool reads_packed() const { return true; }
};

/// Mean cross entropy of the tokens that count. logits: [B, T, V]; targets: [B, T]; counts as TokenLosses'.
at::Tensor mean_cross_entropy(const at::Tensor& logits, const at::Tensor& targets,
                              const at::Tensor& counts = {});
/// -log p of each target, [B, T] float.
at::Tensor nats_of(const at::Tensor& logits, const at::Tensor& targets);

}  // namespace arzoo::language
