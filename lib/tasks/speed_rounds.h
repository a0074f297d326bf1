#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "core/progress.h"
#include "tasks/reference_process.h"
#include "tasks/speed_work.h"

namespace arzoo::tasks {

/// The value below which a share `q` of `values` lies, between two of them interpolated. NaN without values.
double quantile(std::vector<double> values, double q);

/// How long one cell took, in seconds.
struct SpeedTimes {
  std::vector<double> ours;          ///< every repetition of every round
  std::vector<double> round_ours;    ///< median of each round
  std::vector<double> round_theirs;  ///< of the reference; empty without one
  int64_t repeat = 0;                ///< repetitions of a round
  double loader_share = 0.0;         ///< of the time that run() took

  /// Ours beside theirs, round by round.
  std::vector<double> ratios() const;
};

/// Times `repeat` repetitions of the reference's; nothing when there is none (any more).
using ReferenceTimer =
    std::function<std::optional<std::vector<double>>(int64_t repeat, double expected_seconds)>;

/// Warms up, then times ours and the reference in turn, so that a machine that slows down slows both down.
/// Throws Interrupted when `stop` is set.
SpeedTimes time_in_turns(runtime::SpeedWork& work, const ReferenceTimer& reference, const SpeedSuite& suite,
                         Progress& progress, const std::atomic<bool>& stop);

}  // namespace arzoo::tasks
