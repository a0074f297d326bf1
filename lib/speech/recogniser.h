#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/quantized_weights.h"
#include "speech/audio/recording.h"
#include "speech/speech_folder.h"

namespace arzoo::speech {

/// A token of a recording.
struct SpokenToken {
  std::string text;
  int64_t id = 0;
  double begin = 0.0, end = 0.0;  ///< seconds from the recording's begin
  double confidence = 0.0;
};

/// What was recognised of a recording, or of a piece of it.
struct Transcript {
  double begin = 0.0, seconds = 0.0;  ///< of audio
  double compute_seconds = 0.0;
  std::string text = {};
  std::vector<SpokenToken> tokens = {};
  int64_t pieces = 0;

  /// The mean of the tokens'; 1 without any.
  double confidence() const;
  double real_time_factor() const { return compute_seconds / std::max(seconds, 1e-9); }
  void append(const Transcript& piece);
};

/// A model ready to recognise.
class Recogniser {
 public:
  Recogniser(const std::filesystem::path& model, const runtime::Compute& compute);

  int rate() const { return static_cast<int>(opened_.front_end.fs); }
  const OpenedSpeech& opened() const { return opened_; }
  /// One piece. samples: at rate().
  Transcript piece(const std::vector<float>& samples, double begin) const;
  /// A whole recording, in pieces of at most `longest` seconds (the model's own when not given), each told to
  /// `heard` as it comes. Throws Interrupted when `stop` is set.
  Transcript recording(Samples& samples, std::optional<double> longest, const std::atomic<bool>& stop,
                       const std::function<void(const Transcript&)>& heard = {}) const;

 private:
  OpenedSpeech opened_;
  runtime::Compute compute_;
  std::unique_ptr<kernels::QuantizedWeights> quantized_;
};

}  // namespace arzoo::speech
