#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "speech/recogniser.h"

/// Files that say when tokens were spoken.
namespace arzoo::speech {

/// A recording's name and what was recognised of it.
struct NamedTranscript {
  std::string name;
  Transcript transcript;
};

/// path: NAME.tsv, of any number of recordings; NAME.srt or NAME.TextGrid, of one. Throws UsageError.
void write_time_stamps(const std::filesystem::path& path, const std::vector<NamedTranscript>& recordings);

/// A line for each token: file, begin, end, token, confidence.
std::string tsv_of(const std::vector<NamedTranscript>& recordings);
/// Subtitles: tokens together for at most 5 s, and until a pause.
std::string srt_of(const Transcript& transcript);
/// Praat's long text form, with one tier.
std::string text_grid_of(const Transcript& transcript);

}  // namespace arzoo::speech
