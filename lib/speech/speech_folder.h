#pragma once

#include <filesystem>
#include <memory>

#include "core/config.h"
#include "runtime/device.h"
#include "speech/front_end.h"
#include "speech/speech_model.h"
#include "speech/vocabulary.h"

/// Folders of recognisers: ours, whose config.json says "family": "speech", and FunASR's published ones, with
/// config.yaml, model.pt, am.mvn and tokens.json.
namespace arzoo::speech {

struct OpenedSpeech {
  std::shared_ptr<SpeechModel> model;
  FrontEndOptions front_end;
  Cmvn cmvn;
  Vocabulary vocabulary;
  std::string name;           ///< of the model
  double longest = 20.0;      ///< seconds of a piece that it is fit for
  int64_t frames_behind = 0;  ///< frames of padding that it saw behind each recording in training
};

/// path: a run directory, a model folder or a published folder. Throws CheckpointError, ConfigError,
/// UsageError.
OpenedSpeech open_speech_model(const std::filesystem::path& path, const runtime::Compute& compute);

/// What a folder of ours keeps besides the weights.
struct SpeechFacts {
  Json model;  ///< the "model" section
  FrontEndOptions front_end = {};
  Cmvn cmvn = {};
  double longest = 20.0;
};
void save_speech_model(const std::filesystem::path& folder, const SpeechFacts& facts,
                       const Vocabulary& vocabulary, const SpeechModel& model);

/// Whether a folder is a published one.
bool is_published_speech(const std::filesystem::path& path);

}  // namespace arzoo::speech
