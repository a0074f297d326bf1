#pragma once

#include "language/decoder_lm_model.h"
#include "language/first_lm.h"

namespace arzoo::language {

class LayerChoice;

/// A plain decoder with a router before each layer ("routers.<l>"). B rows, T tokens, D width.
class FirstLm : public DecoderLm {
 public:
  explicit FirstLm(const FirstOptions& options);

  /// Soft: each token is p layer(h) + (1 - p) h. gates, when given, receives p of each layer, [layers, B, T].
  at::Tensor soft_logits(const at::Tensor& ids, at::Tensor* gates);
  /// Cross entropy, and while the routers are trained also the mean gate and the routers' squared weights.
  runtime::Losses loss(const at::Tensor& rows) override;
  /// Soft in training. In evaluation layers are skipped whole: all of a row's tokens vote.
  at::Tensor logits(const at::Tensor& ids) override;
  /// The prompt decides which layers run; a layer that is skipped is skipped for all of the row, and has no
  /// cache of it.
  std::unique_ptr<nn::TokenStream> stream(int64_t capacity) override;
  void initialise() override;

  /// Of whole rows, as a fresh choice decides.
  at::Tensor chosen_logits(const at::Tensor& ids, LayerChoice& choice);
  /// The share of each row's tokens that vote for a layer, [B]. x: what the layer reads, [B, T, D].
  at::Tensor votes(std::size_t layer, const at::Tensor& x) const;
  const FirstOptions& first_options() const { return first_; }

 protected:
  bool reads_packed() const override { return false; }

 private:
  /// The gate of each token, [B, T].
  at::Tensor gate(std::size_t layer, const at::Tensor& x) const;

  FirstOptions first_;
  std::vector<nn::Affine> routers_;
};

/// Which layers run for the rows of a generation, decided when the prompt reaches them.
class LayerChoice {
 public:
  /// fixed: [B, layers], 1 for the layers that run, in place of the routers' votes.
  explicit LayerChoice(const FirstLm& model, const at::Tensor& fixed = {}) : model_(model), fixed_(fixed) {}
  /// As nn::DecoderPass::around.
  at::Tensor pass(std::size_t layer, const at::Tensor& x, const nn::DecoderLayer& run);
  /// [B, layers]: shares of the votes, and 1 where the layer runs.
  at::Tensor scores() const;
  at::Tensor kept() const;

 private:
  const FirstLm& model_;
  at::Tensor fixed_;
  std::vector<at::Tensor> scores_, rows_;  ///< by layer: [B], and the rows that run it
};

/// A generation that can tell what its prompt decided.
class FirstStream : public nn::TokenStream {
 public:
  FirstStream(FirstLm& model, int64_t capacity)
      : model_(model), cache_(model.layers(), capacity), choice_(model) {}
  at::Tensor read(const at::Tensor& ids) override;
  const LayerChoice& choice() const { return choice_; }

 private:
  FirstLm& model_;
  nn::DecoderCache cache_;
  LayerChoice choice_;
};

}  // namespace arzoo::language
