#pragma once

#include <ATen/core/Generator.h>

#include <array>
#include <random>
#include <span>

#include "core/progress.h"
#include "runtime/experiment.h"
#include "speech/data_options.h"
#include "speech/front_end.h"
#include "speech/manifest.h"
#include "speech/speech_model.h"
#include "speech/vocabulary.h"

namespace arzoo::speech {

/// Labelled recordings as filterbank frames, in memory.
class SpeechData {
 public:
  /// specials: the tokens that the model has before the text's. Throws DataError, ConfigError.
  SpeechData(const DataOptions& options, const std::vector<std::string>& specials);

  int64_t size(runtime::Split split) const { return static_cast<int64_t>(items_of(split).size()); }
  /// random: of a training batch, which is augmented; null otherwise. silence: seconds put behind each.
  SpeechBatch batch(runtime::Split split, std::span<const int64_t> items, std::mt19937_64* random,
                    double silence = 0.0) const;
  const std::vector<int64_t>& label(runtime::Split split, int64_t item) const {
    return items_of(split)[static_cast<std::size_t>(item)].tokens;
  }
  const Vocabulary& vocabulary() const { return vocabulary_; }
  const Cmvn& cmvn() const { return cmvn_; }
  double longest() const { return longest_; }
  /// Throws DataError for an utterance of which the model cannot learn, which needs so many frames for so
  /// many tokens.
  void require_frames(const SpeechModel& model) const;
  std::string summary() const;

 private:
  struct Item {
    at::Tensor frames;  ///< [T, M], before stacking
    std::vector<int64_t> tokens;
    std::string path;
  };
  const std::vector<Item>& items_of(runtime::Split split) const {
    return splits_.at(static_cast<std::size_t>(split));
  }
  void load(runtime::Split split, const std::vector<ManifestLine>& lines, const std::vector<double>& speeds);
  at::Tensor augmented(const at::Tensor& frames, std::mt19937_64& random, const at::Generator& noise) const;
  Cmvn measured() const;

  DataOptions options_;
  Vocabulary vocabulary_;
  std::array<std::vector<Item>, 4> splits_;
  Cmvn cmvn_;
  double longest_ = 0.0, seconds_ = 0.0;
  int64_t left_out_ = 0;
};

}  // namespace arzoo::speech
