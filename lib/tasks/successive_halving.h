#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace arzoo::tasks {

/// Which trial of a search to train next, and how far: asynchronous successive halving (Li et al., "A System
/// for Massively Parallel Hyperparameter Tuning", MLSys 2020) with one worker. Each rung trains the best
/// 1 / reduction of the trials of the rung below `reduction` times as long, the last one to the end. A trial
/// rises as soon as it is among them, so that there is a best trial at any moment.
class SuccessiveHalving {
 public:
  struct Job {
    std::size_t trial;
    int rung;
    bool operator==(const Job&) const = default;
  };

  /// rungs: at least 1; reduction: at least 2.
  SuccessiveHalving(int rungs, int reduction) : rungs_(rungs), reduction_(reduction) {}

  int rungs() const { return rungs_; }
  /// The share of a whole training that a trial has behind it at the end of a rung; 1 for the last.
  double share(int rung) const;

  /// The next trial's first job. To be carried out before the next call.
  Job start() { return {scores_.size(), 0}; }
  /// What came of a job: less is better; not a number: the trial failed and rises no more.
  void finish(const Job& job, double score);

  /// The trial that is to rise, from the highest rung that has one.
  std::optional<Job> promotion() const;
  /// The next rung of the best trial of all, when no other is to be started; nothing once it has ended.
  std::optional<Job> completion() const;
  /// The trial with the least score so far, the first of equals; nothing while none has one.
  std::optional<std::size_t> best() const;

 private:
  /// The score of a trial so far: its last.
  double score(std::size_t trial) const { return scores_[trial].back(); }
  int rung_of(std::size_t trial) const { return static_cast<int>(scores_[trial].size()) - 1; }

  int rungs_, reduction_;
  std::vector<std::vector<double>> scores_;  ///< of each trial, by rung
};

}  // namespace arzoo::tasks
