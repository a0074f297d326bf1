#pragma once

#include "speech/speech_encoder.h"

/// The decoders of Paraformer, which write all tokens at once, and their autoregressive counterpart.
namespace arzoo::speech {

class SpeechDecoder : public torch::nn::Module {
 public:
  /// embeds: [B, N, D]; lengths: [B], tokens of each. trace: gets dec_layer0, dec2_layer0, dec3_layer0, ….
  /// Returns logits [B, N, V].
  virtual at::Tensor forward(const Encoded& encoded, const at::Tensor& embeds, const at::Tensor& lengths,
                             runtime::Trace* trace = nullptr) = 0;
  /// What glancing puts in a token's place. ids: [B, N]; returns [B, N, D].
  virtual at::Tensor embed(const at::Tensor& ids) = 0;
  /// [V, D].
  virtual const at::Tensor& output_weight() const = 0;
};

std::shared_ptr<SpeechDecoder> make_decoder(const ParaformerOptions& options);

/// A transformer decoder that reads the tokens before a place: trained with the true ones, it writes one
/// after the other.
class AutoregressiveDecoder : public torch::nn::Module {
 public:
  AutoregressiveDecoder(int64_t width, int64_t vocabulary, const DecoderConf& options);
  ~AutoregressiveDecoder() override;
  /// ids: [B, N], the first <s>; returns logits [B, N, V].
  at::Tensor forward(const Encoded& encoded, const at::Tensor& ids);
  /// The likeliest next token each time, up to </s> or `most`. Returns ids of each utterance and their
  /// probabilities.
  std::vector<std::pair<std::vector<int64_t>, std::vector<double>>> write(const Encoded& encoded,
                                                                          int64_t most);

 private:
  class Layer;
  at::Tensor embed(const at::Tensor& ids, int64_t first);

  double dropout_;
  at::Tensor table_;
  std::vector<std::shared_ptr<Layer>> layers_;
  torch::nn::LayerNorm after_norm_;
  std::shared_ptr<nn::LinearLayer> output_;
};

}  // namespace arzoo::speech
