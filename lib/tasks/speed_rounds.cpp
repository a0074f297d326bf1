#include "tasks/speed_rounds.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace arzoo::tasks {
namespace {

constexpr int64_t kWarmUps = 5, kFewestWarmUps = 2;
constexpr double kWarmUpRounds = 2.0;  // rounds' worth of time after which slow work counts as warm
constexpr int64_t kMostRepetitions = 10000;

double seconds_of(runtime::SpeedWork& work) {
  const auto start = std::chrono::steady_clock::now();
  work.run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::vector<double> repetitions(runtime::SpeedWork& work, int64_t count, const std::atomic<bool>& stop) {
  std::vector<double> seconds;
  seconds.reserve(static_cast<std::size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    if (stop.load()) fail<Interrupted>("interrupted before a measurement was complete");
    seconds.push_back(seconds_of(work));
  }
  return seconds;
}

/// How often the work fits into a round, and how long that takes.
struct RoundSize {
  int64_t repetitions;
  double seconds;
};

/// The first repetitions fill caches and thread pools and do not count.
RoundSize size_of_round(runtime::SpeedWork& work, double round_seconds, const std::atomic<bool>& stop) {
  double least = std::numeric_limits<double>::infinity(), total = 0.0;
  for (int64_t i = 0; i < kWarmUps && (i < kFewestWarmUps || total < kWarmUpRounds * round_seconds); ++i) {
    const double seconds = repetitions(work, 1, stop).front();
    least = std::min(least, seconds);
    total += seconds;
  }
  const double fits =
      std::clamp(std::round(round_seconds / least), 1.0, static_cast<double>(kMostRepetitions));
  return {static_cast<int64_t>(fits), fits * least};
}

}  // namespace

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const auto above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

std::vector<double> SpeedTimes::ratios() const {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < round_theirs.size(); ++i) ratios.push_back(round_ours[i] / round_theirs[i]);
  return ratios;
}

SpeedTimes time_in_turns(runtime::SpeedWork& work, const ReferenceTimer& reference, const SpeedSuite& suite,
                         Progress& progress, const std::atomic<bool>& stop) {
  SpeedTimes times;
  const auto size = size_of_round(work, suite.round_seconds, stop);
  times.repeat = size.repetitions;
  const double expected = size.seconds;
  bool compared = reference(kFewestWarmUps, expected).has_value();
  double total = 0.0, waited = 0.0;
  for (int64_t round = 0; round < suite.rounds; ++round) {
    const double waited_before = work.loader_seconds();
    const auto ours = repetitions(work, times.repeat, stop);
    waited += work.loader_seconds() - waited_before;
    for (const double seconds : ours) total += seconds;
    times.ours.insert(times.ours.end(), ours.begin(), ours.end());
    times.round_ours.push_back(quantile(ours, 0.5));
    if (compared) {
      const auto theirs = reference(times.repeat, expected);
      compared = theirs.has_value();
      if (compared) times.round_theirs.push_back(quantile(*theirs, 0.5));
    }
    progress.step({{"ms", times.round_ours.back() * 1e3}});
  }
  // Half a comparison is none: its rounds would not be those of our numbers.
  if (!compared) times.round_theirs.clear();
  times.loader_share = total > 0 ? waited / total : 0.0;
  return times;
}

}  // namespace arzoo::tasks
