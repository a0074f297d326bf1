#pragma once

#include <functional>
#include <memory>

#include "speech/integrate_and_fire.h"
#include "speech/paraformer.h"
#include "speech/speech_decoder.h"
#include "speech/speech_model.h"

namespace arzoo::speech {

/// Where glancing puts the true tokens: a permutation of 0 … tokens - 1, [tokens], for utterance b. Asked
/// only for utterances that some are put into.
using GlancePermutation = std::function<at::Tensor(int64_t utterance, int64_t tokens)>;

/// Paraformer; with ctc_weight 1 a CTC head on its encoder, with AutoregressiveDecoder the model that it is
/// compared with.
class Paraformer : public SpeechModel {
 public:
  explicit Paraformer(const ParaformerOptions& options);

  int64_t input_size() const override { return options_.input_size; }
  int64_t vocabulary() const override { return options_.vocab_size; }
  static std::vector<std::string> specials() { return {"<blank>", "<s>", "</s>"}; }
  int64_t fewest_frames(int64_t tokens) const override;
  void initialise() override;
  runtime::Losses loss(const SpeechBatch& batch) override;
  std::vector<Heard> recognise(const at::Tensor& features, const at::Tensor& lengths) override;

  /// What a training step computes.
  struct Step {
    at::Tensor total, attention, number, ctc;  ///< losses; undefined where there is none
    at::Tensor accuracy;                       ///< of the first pass
    at::Tensor labels;                         ///< [B, N], with </s> where it counts
    at::Tensor embeds, first_logits, mixed;    ///< [B, N, D], [B, N, V], [B, N, D]
    std::vector<int64_t> glanced;              ///< tokens put in, of each utterance
    double weight = 0.0;                       ///< tokens or utterances, by length_normalized_loss
  };
  Step step(const SpeechBatch& batch, const GlancePermutation& permutation = {});

  /// What a recognition computes; log_probs is undefined where no utterance has a token.
  struct Pass {
    Encoded encoded;
    Predicted predicted;
    at::Tensor log_probs;  ///< [B, N, V]
    at::Tensor counts;     ///< [B]
  };
  Pass decode(const at::Tensor& features, const at::Tensor& lengths, runtime::Trace* trace = nullptr);
  Encoded encode(const at::Tensor& features, const at::Tensor& lengths);
  /// What comes behind the encoder, for timing it alone: predictor and decoder, the tokens one by one, or the
  /// CTC head. Returns how many tokens there are.
  int64_t write_tokens(const Encoded& encoded, const at::Tensor& lengths);
  std::vector<Heard> write(const Encoded& encoded, const at::Tensor& lengths);

 private:
  at::Tensor ctc_loss(const Encoded& encoded, const SpeechBatch& batch) const;
  at::Tensor glance(const Encoded& encoded, const at::Tensor& lengths, const GlancePermutation& permutation,
                    Step& step);
  void autoregressive_step(const Encoded& encoded, const SpeechBatch& batch, Step& step);
  std::vector<Heard> recognise_ctc(const Encoded& encoded) const;

  ParaformerOptions options_;
  std::shared_ptr<SpeechEncoder> encoder_;
  std::shared_ptr<Predictor> predictor_;
  std::shared_ptr<SpeechDecoder> decoder_;
  std::shared_ptr<AutoregressiveDecoder> autoregressive_;
  std::shared_ptr<nn::LinearLayer> ctc_;
};

/// KL divergence from smoothed targets (1 - smoothing on the label, the rest even), summed over labels that
/// are not -1. logits: [B, N, V]; labels: [B, N].
at::Tensor smoothed_divergence(const at::Tensor& logits, const at::Tensor& labels, double smoothing);

}  // namespace arzoo::speech
