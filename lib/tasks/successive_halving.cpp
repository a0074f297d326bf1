#include "tasks/successive_halving.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace arzoo::tasks {

double SuccessiveHalving::share(int rung) const { return std::pow(reduction_, rung + 1 - rungs_); }

void SuccessiveHalving::finish(const Job& job, double score) {
  if (job.trial == scores_.size()) scores_.emplace_back();
  if (job.trial >= scores_.size() || static_cast<int>(scores_[job.trial].size()) != job.rung)
    throw std::logic_error("successive halving: a job that was not given out");
  scores_[job.trial].push_back(score);
}

std::optional<SuccessiveHalving::Job> SuccessiveHalving::promotion() const {
  for (int rung = rungs_ - 2; rung >= 0; --rung) {
    std::vector<std::size_t> trials;  // that have had this rung, those that failed in it last
    for (std::size_t trial = 0; trial < scores_.size(); ++trial)
      if (rung_of(trial) >= rung) trials.push_back(trial);
    const auto at_rung = [&](std::size_t trial) { return scores_[trial][static_cast<std::size_t>(rung)]; };
    std::stable_sort(trials.begin(), trials.end(), [&](std::size_t a, std::size_t b) {
      return at_rung(a) < at_rung(b) || (std::isnan(at_rung(b)) && !std::isnan(at_rung(a)));
    });
    trials.resize(trials.size() / static_cast<std::size_t>(reduction_));
    for (const auto trial : trials)
      if (rung_of(trial) == rung && !std::isnan(at_rung(trial))) return Job{trial, rung + 1};
  }
  return std::nullopt;
}

std::optional<SuccessiveHalving::Job> SuccessiveHalving::completion() const {
  const auto trial = best();
  if (!trial || rung_of(*trial) == rungs_ - 1) return std::nullopt;
  return Job{*trial, rung_of(*trial) + 1};
}

std::optional<std::size_t> SuccessiveHalving::best() const {
  std::optional<std::size_t> best;
  for (std::size_t trial = 0; trial < scores_.size(); ++trial) {
    if (std::isnan(score(trial))) continue;
    if (!best || score(trial) < score(*best)) best = trial;
  }
  return best;
}

}  // namespace arzoo::tasks
