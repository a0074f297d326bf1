#pragma once

#include "speech/cassnat_layers.h"
#include "speech/ctc_alignment.h"
#include "speech/ranking_lm.h"
#include "speech/speech_model.h"

namespace arzoo::speech {

/// CASS-NAT: an encoder with CTC, whose alignment says how many tokens there are and which frames each sees.
class CassNat : public SpeechModel {
 public:
  explicit CassNat(const CassNatOptions& options);

  int64_t input_size() const override { return options_.input_size; }
  int64_t vocabulary() const override { return options_.vocab_size; }
  static std::vector<std::string> specials() { return {"<blank>", "<s>", "</s>", "<unk>"}; }
  int64_t fewest_frames(int64_t tokens) const override { return 4 * (2 * tokens + 1); }
  void initialise() override { initialise_cassnat(*this); }
  runtime::Losses loss(const SpeechBatch& batch) override;
  std::vector<Heard> recognise(const at::Tensor& features, const at::Tensor& lengths) override;

  struct Sounds {
    at::Tensor embedded;   ///< [B, T', D], what the encoder reads
    at::Tensor hidden;     ///< [B, T', D]
    at::Tensor ctc;        ///< [B, T', V], log probabilities
    at::Tensor inner_ctc;  ///< of the layer inside; undefined without one
    at::Tensor mask;       ///< [B, T'], bool: every fourth of the input's frames
    at::Tensor frames;     ///< [B]: floor of the length's share of T'
  };
  /// ratio: [B], lengths as shares of the longest.
  Sounds listen(const at::Tensor& features, const at::Tensor& lengths, const at::Tensor& ratio);

  struct Words {
    at::Tensor trigger;  ///< [B, U + 1, T'], widened, before frames that are not there are taken out
    at::Tensor rows;     ///< [B, U + 1], bool: those of tokens and of the end
    at::Tensor acoustic, predicted, decoded;  ///< [B, U + 1, D]
    at::Tensor log_probs;                     ///< [B, U + 1, V]
    at::Tensor inner;                         ///< of the layer inside; undefined without one
  };
  Words decode(const Sounds& sounds, const Aligned& aligned);

  struct Step {
    Sounds sounds;
    Aligned aligned;
    Words words;
    at::Tensor total, ctc, attention;
  };
  /// second: frames of the second best predecessors, drawn when not given.
  Step step(const SpeechBatch& batch, const at::Tensor& ratio,
            const std::optional<std::vector<int64_t>>& second);

  /// `samples` sampled alignments of each utterance, decoded side by side. choice: [B * samples, T'], drawn
  /// when not given.
  struct Sampled {
    Aligned aligned;
    Words words;
  };
  Sampled sample(const Sounds& sounds, int64_t samples, double threshold, const at::Tensor& choice = {});

  /// How recognition aligns: the options' number of samples, and what ranks them; by the decoder's own log
  /// probabilities where there is no language model.
  void set_search(int64_t samples, std::shared_ptr<RankingLm> ranking);
  /// Ids of the rows up to the first end. log_probs: [U + 1, V].
  static std::vector<int64_t> ids_of(const at::Tensor& log_probs, int64_t tokens);
  const CassNatOptions& options() const { return options_; }

 private:
  at::Tensor positioned(const at::Tensor& x, const std::shared_ptr<DistanceCodes>& codes,
                        at::Tensor& positions) const;
  at::Tensor extract(const Sounds& sounds, const at::Tensor& trigger, at::Tensor& positions);

  CassNatOptions options_;
  std::shared_ptr<ConvSubsampling> source_;
  std::shared_ptr<DistanceCodes> source_codes_, token_codes_;
  std::shared_ptr<CassNatStack> encoder_, extractor_, self_decoder_, mixed_decoder_;
  std::shared_ptr<HeadAttention> extractor_attention_;
  std::shared_ptr<FeedForward> extractor_feed_forward_;
  std::shared_ptr<DeviationNorm> extractor_norm_;
  std::shared_ptr<TokenHead> ctc_generator_, att_generator_, interctc_generator_, interce_generator_;
  int64_t samples_;
  std::shared_ptr<RankingLm> ranking_;
};

}  // namespace arzoo::speech
