#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/json_fwd.h"

/// Several models on the same tasks, a task being one series (or one data set): which is better, by how much,
/// and how sure that is.
namespace arzoo::forecast {

/// A number with the bounds that 95 % of bootstrap samples of the tasks lie in.
struct WithBounds {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  double value = kNone, low = kNone, high = kNone;
};

/// One model's errors, smaller being better: one per task, NaN where the model has none.
struct TaskErrors {
  std::string model;
  std::vector<double> errors;
};

struct Standing {
  std::string model;
  double mean_error;  ///< over the tasks that all models have
  /// 1 - the geometric mean over tasks of the error relative to the baseline's, each ratio within
  /// [1/100, 100]: 0 is as good as the baseline, 1 perfect.
  WithBounds skill;
  /// The share of (task, other model) pairs in which this model's error is smaller; a tie counts half.
  WithBounds win_rate;
};

inline constexpr int kBootstrapSamples = 1000;

/// Skill scores and win rates as fev-bench defines them (Shchur et al. 2025, arXiv:2509.26468), the best
/// skill first. Tasks that a model has no error for count for none, and a task with a baseline's error of 0
/// does not count for skills. The bounds resample tasks with replacement, the same samples for every model,
/// from a fixed seed; with fewer than two tasks they are NaN. models: all with the same number of tasks, at
/// least one; baseline: one of their names. Throws UsageError for a baseline that is none.
std::vector<Standing> leaderboard(const std::vector<TaskErrors>& models, const std::string& baseline);

/// [{"model", "mean_error", "skill", "skill_low", "skill_high", "win_rate", "win_rate_low",
/// "win_rate_high"}], null for NaN.
Json leaderboard_json(const std::vector<Standing>& standings);

}  // namespace arzoo::forecast
