#pragma once

#include <atomic>
#include <span>

#include "core/progress.h"
#include "distill/teacher.h"

namespace arzoo::distill {

/// The draws of a teacher that follows the flow instead of a die (Distilled Decoding 1): each token is where
/// its noise leads.
class FlowDraws : public image::TokenDraws {
 public:
  /// noise: [B, L, z], of standard deviation noise_std; codebook: [V, z]. Both must outlive it.
  FlowDraws(const at::Tensor& noise, const at::Tensor& codebook, double noise_std, int64_t ode_steps);

  at::Tensor pick(const at::Tensor& logits, int64_t first) override;
  /// Not for this: throws std::logic_error.
  at::Tensor exponentials(const at::Tensor& logits, int64_t first) override;

 private:
  const at::Tensor& noise_;
  at::Tensor unit_codebook_;  ///< in units of the noise
  double noise_std_;
  int64_t ode_steps_;
};

/// Noise of pictures by their seeds, [B, L, z] with this standard deviation: a picture's depends on nothing
/// else.
at::Tensor picture_noise(const std::vector<uint64_t>& seeds, int64_t tokens, int64_t channels,
                         double deviation);

/// What a student learns from, all of it drawn by its teacher.
struct TrajectoryBatch {
  at::Tensor labels;  ///< [B] long
  at::Tensor noise;   ///< [B, L, z]
  at::Tensor ids;     ///< [B, L] long, where the noise leads
};

/// A set of trajectories: made once, kept in data.trajectories, and the same for every student of a teacher.
/// Of the noise nothing is stored, it follows from the seed and the pair's number. The first data.held_out
/// pairs validate.
class Trajectories {
 public:
  /// config: resolved; teacher must outlive it.
  Trajectories(const Config& config, const Teacher& teacher, double noise_std,
               const runtime::Compute& compute);

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
  double noise_std_;
  runtime::Compute compute_;
  at::Tensor ids_;  ///< [pairs, L] int
};

}  // namespace arzoo::distill
