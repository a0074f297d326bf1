#pragma once

#include <optional>
#include <string>
#include <utility>

#include "core/deadline.h"
#include "core/progress.h"
#include "core/run_dir.h"
#include "plan/search_space.h"
#include "plan/tasks.h"
#include "tasks/successive_halving.h"
#include "tasks/tune_trials.h"

namespace arzoo::tasks {

/// The task's config with these values, resolved; its results go to `out`. Throws ConfigError for values that
/// its checks refuse.
Json config_of(const plan::TuneTask& task, const Json& values, const std::filesystem::path& out);

/// The search in a folder: what was tried so far, and what next.
class Tuner {
 public:
  using Clock = Deadline::Clock;
  using Job = SuccessiveHalving::Job;

  /// state: what was tried before. end: when the time limit is over.
  Tuner(const plan::TuneTask& task, const RunDir& run, TuneState state, Progress& progress, Stop command,
        Clock::time_point end);

  /// Tries and trains, saving the state after each piece of work, until a limit is reached. Returns why it
  /// ended. Throws Interrupted when the command is asked to end.
  std::string search();
  /// Puts the best model and its config in the search's folder, and describes all. Throws when there is none.
  Json finish(const std::string& why);
  /// That of the best trial, whose results go where the task's config says.
  Json best_config() const;

 private:
  bool is_over() const { return deadline_.over().load(); }
  double seconds_left() const { return std::chrono::duration<double>(end_ - Clock::now()).count(); }
  int64_t last_draw() const { return state_.trials.empty() ? -1 : state_.trials.back().draw; }
  Json json_of(std::size_t trial) const;
  /// A job, or nothing and why there is none.
  std::pair<std::optional<Job>, std::string> next_job();
  /// Whether the time that is left is needed to train the best trial to its end.
  bool must_finish_best() const;
  /// The config's own values first, then those of the space that were not tried before.
  std::optional<Trial> new_trial() const;
  void train(const Job& job);
  void take(Trial& trial, const Json& result);
  void take_failure(const Job& job, const char* why);
  void say(std::size_t number, const Trial& trial);
  /// A trial whose first rung was cut short is none yet: it is drawn again, and goes on, when the search is
  /// resumed.
  void forget_new(const Job& job);
  void require_some_success() const;
  [[noreturn]] void fail_without_best(const std::string& why) const;

  const plan::TuneTask& task_;
  const plan::SearchSpace space_;
  const RunDir& run_;
  TuneState state_;
  SuccessiveHalving halving_;
  Progress& progress_;
  Stop command_;
  Clock::time_point end_;
  Deadline deadline_;
  std::string metric_;  ///< that the search minimises
};

}  // namespace arzoo::tasks
