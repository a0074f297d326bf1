#pragma once

#include "runtime/train_state.h"

/// Early stopping: a run ends once its validation has not improved for so many epochs.
namespace arzoo::runtime {

/// Takes note of an epoch's validation, state.epoch being that epoch; returns whether it is the best so far,
/// and puts it in the place of `best` if it is. The first metric decides, less is better. Without a
/// validation split every epoch is an improvement.
bool note_validation(const Metrics& metrics, TrainState& state, Metrics& best);

/// Whether `patience` epochs have passed without an improvement; never with 0.
bool is_out_of_patience(const TrainState& state, int64_t patience);

}  // namespace arzoo::runtime
