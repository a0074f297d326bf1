#include "runtime/early_stopping.h"

namespace arzoo::runtime {

bool note_validation(const Metrics& metrics, TrainState& state, Metrics& best) {
  const bool gained = metrics.empty() || best.empty() || metrics.front().second <= best.front().second;
  if (!gained) {
    ++state.epochs_without_gain;
    return false;
  }
  best = metrics;
  state.best_epoch = state.epoch;
  state.epochs_without_gain = 0;
  return true;
}

bool is_out_of_patience(const TrainState& state, int64_t patience) {
  return patience > 0 && state.epochs_without_gain >= patience;
}

}  // namespace arzoo::runtime
