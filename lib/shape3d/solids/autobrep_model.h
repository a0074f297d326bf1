#pragma once

#include <torch/nn/module.h>

#include "nn/decoder.h"
#include "nn/token_decoding.h"
#include "runtime/losses.h"
#include "shape3d/solids/autobrep.h"
#include "shape3d/solids/brep_grammar.h"

namespace arzoo::shape3d {

BrepVocabulary vocabulary_of(const AutobrepOptions& options);

/// AutoBrep's transformer under the names of the x-transformers library: RMS norms without weights, rotary
/// positions on half of each head, gated feed-forward layers. B batch, T tokens, D width, V vocabulary.
class Autobrep : public torch::nn::Module {
 public:
  explicit Autobrep(const AutobrepOptions& options);

  const AutobrepOptions& options() const { return options_; }
  /// What the decoder computes on. The official heads of queries share key heads in turns (head j that of
  /// j mod G), the decoder's in blocks: their rows are put in its order.
  nn::DecoderWeights weights() const;
  /// tokens: [B, T] long; returns [B, T, D] after the final norm.
  at::Tensor pass(const at::Tensor& tokens, const nn::DecoderWeights& weights,
                  const nn::DecoderPass& pass = {}) const;
  /// Returns [..., V] float.
  at::Tensor logits_of(const at::Tensor& passed) const;
  /// tokens: [B, T] long, -1 where there is padding; left_out: [B, T], 1 where the prediction does not count,
  /// or undefined. Returns [B, T - 1, V].
  at::Tensor forward(const at::Tensor& tokens, nn::DecoderTrace* trace = nullptr,
                     at::Tensor* last = nullptr) const;
  runtime::Losses loss(const at::Tensor& tokens, const at::Tensor& left_out) const;

  void set_type(at::ScalarType type);
  void initialise();

 private:
  struct Layer {
    at::Tensor to_q, to_k, to_v, to_out;
    at::Tensor gated, gated_bias, down;
  };
  at::Tensor in_groups(const at::Tensor& weight, int64_t axis) const;

  AutobrepOptions options_;
  nn::Decoder decoder_;
  at::Tensor embedding_, to_logits_, norm_;
  std::vector<Layer> layers_;
};

/// A generation of solids, token by token. With a grammar every row keeps to it, and starts behind a prompt
/// that ends with BOC.
class AutobrepStream : public nn::TokenStream {
 public:
  AutobrepStream(const Autobrep& model, bool grammar, int64_t most_tokens);
  at::Tensor read(const at::Tensor& ids) override;

 private:
  void mask(at::Tensor& logits, const at::Tensor& ids);

  const Autobrep& model_;
  nn::DecoderWeights weights_;
  nn::DecoderCache cache_;
  bool grammar_, begun_ = false;
  int64_t most_tokens_;
  std::vector<BrepGrammar> rows_;
};

nn::DecodingRules decoding_rules(const AutobrepGenerationOptions& options);

}  // namespace arzoo::shape3d
