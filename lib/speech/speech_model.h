#pragma once

#include <torch/nn/module.h>

#include <utility>
#include <vector>

#include "runtime/losses.h"

namespace arzoo::speech {

/// Utterances and their labels. B utterances, T frames, F numbers a frame, N tokens.
struct SpeechBatch {
  at::Tensor features;       ///< [B, T, F], zeros behind an utterance
  at::Tensor lengths;        ///< [B], frames
  at::Tensor tokens;         ///< [B, N], -1 behind a label
  at::Tensor token_lengths;  ///< [B]
  SpeechBatch to(at::Device device) const {
    return {features.to(device), lengths.to(device), tokens.to(device), token_lengths.to(device)};
  }
};

/// What was recognised of one utterance.
struct Heard {
  std::vector<int64_t> ids = {};
  std::vector<double> confidence = {};                ///< of each id, in (0, 1]
  std::vector<std::pair<double, double>> times = {};  ///< begin and end of each id in frames of the input
};

class SpeechModel : public torch::nn::Module {
 public:
  virtual int64_t input_size() const = 0;
  virtual int64_t vocabulary() const = 0;
  /// The fewest frames of an utterance with so many tokens: fewer cannot be trained on.
  virtual int64_t fewest_frames(int64_t tokens) const = 0;
  virtual void initialise() = 0;
  virtual runtime::Losses loss(const SpeechBatch& batch) = 0;
  /// In inference mode.
  virtual std::vector<Heard> recognise(const at::Tensor& features, const at::Tensor& lengths) = 0;
};

}  // namespace arzoo::speech
