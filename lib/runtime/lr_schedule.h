#pragma once

#include <cstdint>

#include "runtime/training_options.h"

namespace arzoo::runtime {

/// The learning rate of optimiser step `step` (from 0). `total_steps` is where a cosine ends.
///
/// The epoch tables act as in the official loops, which adjust *after* each epoch: with type1, epochs 1 and 2
/// both run at the full rate and epoch n >= 2 at learning_rate * 0.5^(n-2).
double learning_rate(const TrainingOptions& options, int64_t step, int64_t steps_per_epoch,
                     int64_t total_steps);

}  // namespace arzoo::runtime
