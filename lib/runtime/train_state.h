#pragma once

#include "runtime/losses.h"
#include "runtime/training_options.h"

namespace arzoo::runtime {

/// Where a run stands between two steps; with the weights, the moments and the generator's state all that it
/// needs to go on.
struct TrainState {
  int64_t step = 0;   ///< optimiser steps done
  int64_t epoch = 0;  ///< epochs done
  int64_t best_epoch = 0;
  int64_t epochs_without_gain = 0;
  bool finished = false;
  double loss_sum = 0.0;   ///< of the steps since the last validation
  int64_t loss_steps = 0;  ///< how many they are
  double log_sum = 0.0;    ///< since the last logged line

  static constexpr double kMost = 1e12;  ///< a foreign state must not make sums overflow

  static void fields(auto& o, auto& field) {
    field("step", o.step, between(0, kMost), "optimiser steps done");
    field("epoch", o.epoch, between(0, TrainingOptions::kMostEpochs), "epochs done");
    field("best_epoch", o.best_epoch, between(0, TrainingOptions::kMostEpochs),
          "epoch of the best validation");
    field("epochs_without_gain", o.epochs_without_gain, between(0, TrainingOptions::kMostEpochs),
          "epochs since then");
    field("finished", o.finished, {}, "nothing is left to train");
    field("loss_sum", o.loss_sum, {}, "training losses since the last validation, summed");
    field("loss_steps", o.loss_steps, between(0, kMost), "how many they are");
    field("log_sum", o.log_sum, {}, "training losses since the last logged line, summed");
  }
};

/// A state as it stands on disk.
struct SavedState {
  TrainState state;
  Metrics best_val;  ///< empty before the first validation
};

}  // namespace arzoo::runtime
