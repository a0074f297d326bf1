#pragma once

#include "runtime/device.h"
#include "runtime/experiment.h"
#include "runtime/optimizer.h"
#include "runtime/training_options.h"

namespace arzoo::runtime {

/// One optimiser step, number `step` counted from 0: the gradients of accumulation_steps batches, averaged
/// and clipped, and the update with this learning rate. What a run repeats and `bench speed` times.
///
/// Returns the mean loss of the batches. Throws SystemFailure naming step and parts when a loss is not
/// finite; the weights are then as they were.
double training_step(Experiment& experiment, Adam& optimizer, const TrainingOptions& options,
                     const Compute& compute, int64_t step, double learning_rate);

}  // namespace arzoo::runtime
