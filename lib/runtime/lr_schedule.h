#pragma once

#include <cstdint>
#include <string>

#include "runtime/training_options.h"

namespace arzoo::runtime {

/// A schedule of VAR's trainer (Tian et al. 2024): a linear warm-up, a flat part and a way down.
struct Annealing {
  std::string kind;  ///< "lin0", "lin", "lin00", "exp", "cos", or "lin" and the share of steps at which
                     ///< one line ends and another begins ("lin0.8")
  int64_t warmup_steps = 0;
  int64_t total_steps = 1;
  double warmup_start = 0.005;  ///< share of the full rate at step 0
  double end = 0.0;             ///< share at the last step; above 0 for "exp"
};

/// The share of the full rate at a step in [0, total_steps). Throws ConfigError for an unknown kind.
double annealed_share(const Annealing& annealing, int64_t step);
/// What moves from `from` to `to` along half a cosine, over all steps.
double half_cosine(double from, double to, int64_t step, int64_t total_steps);

/// The weight decay of a step.
double weight_decay(const TrainingOptions& options, int64_t step, int64_t total_steps);

/// The learning rate of optimiser step `step` (from 0). `total_steps` is where a cosine ends.
///
/// The epoch tables act as in the official loops, which adjust *after* each epoch: with type1, epochs 1 and 2
/// both run at the full rate and epoch n >= 2 at learning_rate * 0.5^(n-2).
double learning_rate(const TrainingOptions& options, int64_t step, int64_t steps_per_epoch,
                     int64_t total_steps);

/// Adam's first beta at a step: one_cycle moves it against the learning rate, the other schedules leave it.
double first_beta(const TrainingOptions& options, int64_t step, int64_t total_steps);

}  // namespace arzoo::runtime
