#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

/// When each token was spoken, from the firing of integrate-and-fire.
namespace arzoo::speech {

struct TimeStampOptions {
  double seconds_per_frame = 0.06;
  double shift = -1.5;  ///< frames that a fire is moved by
  double offset = 0.0;  ///< seconds added to all times
};

struct TimedToken {
  int64_t token;      ///< its place; -1 for silence
  double begin, end;  ///< seconds
};

/// Tokens and the silences between them, in FunASR's manner (ts_prediction_lfr6_standard): token i lasts from
/// fire i to fire i + 1. Where there is not one fire more than tokens, the weights are scaled to that many
/// first. weights, peaks: [T]; empty for no tokens.
std::vector<TimedToken> time_stamps(const at::Tensor& weights, const at::Tensor& peaks, int64_t tokens,
                                    const TimeStampOptions& options = {});

}  // namespace arzoo::speech
