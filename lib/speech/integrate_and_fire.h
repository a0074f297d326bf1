#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "runtime/losses.h"
#include "speech/paraformer.h"
#include "speech/speech_encoder.h"

/// Continuous integrate-and-fire (Dong & Xu, ICASSP 2020): weights of frames are added up, and each time that
/// the sum passes 1 a token fires, the weighted sum of the frames that made it up.
namespace arzoo::speech {

struct Fired {
  at::Tensor embeds = {};  ///< [B, N, D], zeros behind an utterance's tokens
  at::Tensor peaks = {};   ///< [B, T]: of fires at least the threshold
  at::Tensor counts = {};  ///< [B], int64: tokens that fired
};

/// How a sum counts as having passed the threshold.
inline constexpr double kTrainingSlack = 1e-6;  ///< a rescaled sum is N but for rounding

/// CifPredictorV2: prefix sums in fp64, rounded to fp32; the peak is their fractional part, 1 more where a
/// token fires. slack: what a sum may lack. tokens: N; by default the largest rounded sum. hidden: [B, T, D];
/// weights: [B, T], each at most 1.
Fired fire_by_prefix_sums(const at::Tensor& hidden, const at::Tensor& weights, double slack,
                          std::optional<int64_t> tokens = {});

/// CifPredictor: frame by frame; the peak is the sum before the token's weight is taken from it.
Fired fire_by_loop(const at::Tensor& hidden, const at::Tensor& weights, double threshold, double slack,
                   std::optional<int64_t> tokens = {});

/// The sums before each frame's token is taken off, [T], of one utterance's weights in fp32 (the time
/// stamps').
at::Tensor firing_sums(const at::Tensor& weights, double threshold);

struct Predicted {
  at::Tensor embeds;   ///< [B, N, D]
  at::Tensor number;   ///< [B], fp32: sum of the weights before rescaling; in recognition its floor
  at::Tensor weights;  ///< [B, T], or T + 1 with the tail
  at::Tensor peaks;
};

/// The weights of frames and the tokens that they make.
class Predictor : public torch::nn::Module {
 public:
  Predictor(int64_t width, const PredictorOptions& options, bool depthwise);
  /// In training: scaled to `targets` tokens, [B] int64.
  Predicted train_forward(const Encoded& encoded, const at::Tensor& targets);
  /// In recognition, with the tail.
  Predicted recognise(const Encoded& encoded);

 private:
  at::Tensor weigh(const Encoded& encoded);
  Fired fire(const at::Tensor& hidden, const at::Tensor& weights, double slack,
             std::optional<int64_t> tokens) const;

  PredictorOptions o_;
  bool depthwise_;
  at::Tensor conv_weight_, conv_bias_;
  std::shared_ptr<nn::LinearLayer> output_;
};

}  // namespace arzoo::speech
