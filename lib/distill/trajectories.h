#pragma once

#include <atomic>
#include <span>

#include "core/progress.h"
#include "distill/data_options.h"
#include "distill/teacher.h"
#include "runtime/device.h"

namespace arzoo::distill {

/// What a student learns from, all of it drawn by its teacher.
struct TrajectoryBatch {
  at::Tensor labels;  ///< [B] long
  at::Tensor noise;   ///< [B, L, z]
  at::Tensor ends;    ///< where the noise leads: codes [B, L] long or vectors [B, L, z], as the teacher draws
};

/// A set of trajectories: made once, kept in data.trajectories, and the same for every student of a teacher.
/// Of the noise nothing is stored, it follows from the seed and the pair's number. The first data.held_out
/// pairs validate.
class Trajectories {
 public:
  /// config: resolved; teacher must outlive it.
  Trajectories(const Config& config, const Teacher& teacher, const runtime::Compute& compute);

  /// Reads the file, or makes the pairs and writes it. Throws CheckpointError for a file of another teacher,
  /// Interrupted.
  void prepare(Progress& progress, const std::atomic<bool>& stop);

  int64_t pairs() const { return options_.pairs; }
  int64_t held_out() const { return options_.held_out; }
  /// Pairs that train, by their numbers; prepare() must have been called.
  TrajectoryBatch training(std::span<const int64_t> items) const;
  /// Pairs that validate: first, first + 1, …
  TrajectoryBatch validating(int64_t first, int64_t count) const;

 private:
  TrajectoryBatch numbered(const std::vector<int64_t>& numbers) const;
  Json identity() const;
  bool read();
  at::Tensor noise_of(const std::vector<int64_t>& numbers) const;
  at::Tensor labels_of(const std::vector<int64_t>& numbers) const;

  DataOptions options_;
  const Teacher& teacher_;
  runtime::Compute compute_;
  at::Tensor ends_;  ///< of all pairs; codes as int
};

}  // namespace arzoo::distill
