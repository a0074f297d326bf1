#include "runtime/lr_schedule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace arzoo::runtime {
namespace {

/// The rate that the Informer line's "type2" table has set by the end of `epoch`.
double type2(double initial, int64_t epoch) {
  constexpr std::array<std::pair<int64_t, double>, 7> kTable{
      {{2, 5e-5}, {4, 1e-5}, {6, 5e-6}, {8, 1e-6}, {10, 5e-7}, {15, 1e-7}, {20, 5e-8}}};
  double rate = initial;
  for (const auto& [after, value] : kTable) {
    if (epoch >= after) rate = value;
  }
  return rate;
}

/// The rate after `finished` epochs.
double epoch_rate(const TrainingOptions& options, int64_t finished) {
  const double initial = options.learning_rate;
  if (options.lradj == "type1") return finished < 1 ? initial : initial * std::pow(0.5, finished - 1);
  if (options.lradj == "type2") return type2(initial, finished);
  if (options.lradj == "type3") return finished < 3 ? initial : initial * std::pow(0.9, finished - 3);
  return initial;
}

}  // namespace

double learning_rate(const TrainingOptions& options, int64_t step, int64_t steps_per_epoch,
                     int64_t total_steps) {
  if (step < options.warmup_steps) {
    return options.learning_rate * static_cast<double>(step + 1) / static_cast<double>(options.warmup_steps);
  }
  if (options.lradj == "cosine") {
    const auto span = static_cast<double>(std::max<int64_t>(1, total_steps - options.warmup_steps));
    const double progress = std::min(1.0, static_cast<double>(step - options.warmup_steps) / span);
    const double range = options.learning_rate - options.min_learning_rate;
    return options.min_learning_rate + range * 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
  }
  return epoch_rate(options, step / std::max<int64_t>(1, steps_per_epoch));
}

}  // namespace arzoo::runtime
