#pragma once

#include "runtime/data_parallel.h"
#include "runtime/device.h"
#include "runtime/objective.h"
#include "runtime/optimizer.h"
#include "runtime/training_options.h"

namespace arzoo::runtime {

/// What one optimiser step came to.
struct StepLosses {
  double mean = 0.0;           ///< of the totals of its batches
  Losses last;                 ///< of the last of them
  double gradient_norm = 0.0;  ///< joint L2 norm before clipping; 0 where nothing is clipped
  double norm_apart = 0.0;     ///< the same of Objective::clipped_apart(), which the other does not count
  bool stop = false;           ///< some process was asked to stop
};

/// One optimiser step, number `step` counted from 0: the gradients of accumulation_steps batches, averaged
/// and clipped, and the update with this learning rate. What a run repeats, `bench speed` times and a parity
/// case checks. With `parallel` the batches are parts of joint ones, whose gradients and losses are taken;
/// `stop`: this process was asked to.
///
/// Throws SystemFailure naming step and parts when a loss is not
/// finite; the weights are then as they were.
StepLosses training_step(Objective& objective, Optimizer& optimizer, const TrainingOptions& options,
                         const Compute& compute, int64_t step, double learning_rate,
                         DataParallel* parallel = nullptr, bool stop = false);

}  // namespace arzoo::runtime
