#pragma once

#include "plan/tasks.h"

namespace arzoo::plan {

/// What `arzoo transcribe` asks for.
struct TranscribeTask {
  ComputeOptions compute = {};
  fs::path model = {};                ///< run directory, model folder or published folder
  std::vector<fs::path> inputs = {};  ///< WAV and FLAC files, folders of them; "-": PCM from standard input
  std::optional<fs::path> manifest = {};  ///< lines of a path and what is said
  std::optional<fs::path> output = {};    ///< a JSON object a line; "-": standard output; none: in the result
  std::optional<fs::path> timestamps = {};  ///< NAME.tsv, NAME.srt or NAME.TextGrid
  std::optional<double> segment = {};  ///< most seconds recognised at once; the model's own when not given
  int64_t pcm_rate = 16000, pcm_channels = 1;
  bool dry_run = false;
};

}  // namespace arzoo::plan
