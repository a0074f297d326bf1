#include "forecast/scores/leaderboard.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/error.h"
#include "core/json.h"
#include "core/seeded_random.h"

namespace arzoo::forecast {
namespace {

constexpr uint64_t kBootstrapSeed = 123;
constexpr double kLeastRatio = 0.01, kMostRatio = 100.0;

/// The tasks that every model has a finite error for.
std::vector<std::size_t> common_tasks(const std::vector<TaskErrors>& models) {
  std::vector<std::size_t> common;
  for (std::size_t task = 0; task < models.front().errors.size(); ++task) {
    const auto has = [task](const TaskErrors& model) { return std::isfinite(model.errors[task]); };
    if (std::all_of(models.begin(), models.end(), has)) common.push_back(task);
  }
  return common;
}

/// Log of the error relative to the baseline's, NaN where that is no ratio.
double log_ratio(double error, double baseline) {
  if (!(baseline > 0.0)) return std::nan("");
  return std::log(std::clamp(error / baseline, kLeastRatio, kMostRatio));
}

/// What one model gets for each task: its part of the skill's sum, and of the win rate's.
struct TaskParts {
  std::vector<double> log_ratios, wins;
};

TaskParts parts_of(const std::vector<TaskErrors>& models, std::size_t model, std::size_t baseline,
                   const std::vector<std::size_t>& tasks) {
  TaskParts parts;
  for (const auto task : tasks) {
    const double error = models[model].errors[task];
    parts.log_ratios.push_back(log_ratio(error, models[baseline].errors[task]));
    double wins = 0.0;
    for (std::size_t other = 0; other < models.size(); ++other) {
      if (other == model) continue;
      const double theirs = models[other].errors[task];
      wins += error < theirs ? 1.0 : error == theirs ? 0.5 : 0.0;
    }
    parts.wins.push_back(models.size() > 1 ? wins / static_cast<double>(models.size() - 1) : std::nan(""));
  }
  return parts;
}

/// The mean of those that are numbers.
double mean_of(const std::vector<double>& values, const std::vector<std::size_t>& places) {
  double sum = 0.0, count = 0.0;
  for (const auto place : places) {
    if (std::isnan(values[place])) continue;
    sum += values[place];
    count += 1.0;
  }
  return count > 0.0 ? sum / count : std::nan("");
}

/// kBootstrapSamples draws of as many tasks as there are.
std::vector<std::vector<std::size_t>> bootstrap_samples(std::size_t tasks) {
  std::vector<std::vector<std::size_t>> samples;
  for (uint64_t sample = 0; sample < kBootstrapSamples; ++sample) {
    samples.emplace_back();
    const auto stream = stream_seed(kBootstrapSeed, 0, sample);
    for (std::size_t i = 0; i < tasks; ++i) {
      samples.back().push_back(static_cast<std::size_t>(uniform_of(stream, i) * static_cast<double>(tasks)));
    }
  }
  return samples;
}

WithBounds bounded(const std::vector<double>& values, const std::vector<std::size_t>& all,
                   const std::vector<std::vector<std::size_t>>& samples,
                   const std::function<double(double)>& of_mean) {
  WithBounds result{of_mean(mean_of(values, all))};
  if (all.size() < 2 || std::isnan(result.value)) return {result.value};
  std::vector<double> found;
  for (const auto& sample : samples) {
    const double value = of_mean(mean_of(values, sample));
    if (!std::isnan(value)) found.push_back(value);
  }
  std::sort(found.begin(), found.end());
  const auto at = [&](double share) {
    return found[static_cast<std::size_t>(share * static_cast<double>(found.size() - 1) + 0.5)];
  };
  result.low = at(0.025);
  result.high = at(0.975);
  return result;
}

std::size_t place_of(const std::vector<TaskErrors>& models, const std::string& name) {
  for (std::size_t i = 0; i < models.size(); ++i) {
    if (models[i].model == name) return i;
  }
  fail<UsageError>("the baseline \"{}\" is none of the {} models", name, models.size());
}

}  // namespace

std::vector<Standing> leaderboard(const std::vector<TaskErrors>& models, const std::string& baseline) {
  const auto of_baseline = place_of(models, baseline);
  const auto tasks = common_tasks(models);
  std::vector<std::size_t> all(tasks.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  const auto samples = bootstrap_samples(tasks.size());
  std::vector<Standing> standings;
  for (std::size_t model = 0; model < models.size(); ++model) {
    const auto parts = parts_of(models, model, of_baseline, tasks);
    standings.push_back(
        {models[model].model, mean_of(models[model].errors, tasks),
         bounded(parts.log_ratios, all, samples, [](double mean) { return 1.0 - std::exp(mean); }),
         bounded(parts.wins, all, samples, [](double mean) { return mean; })});
  }
  std::stable_sort(standings.begin(), standings.end(), [](const Standing& a, const Standing& b) {
    return a.skill.value > b.skill.value || (std::isnan(b.skill.value) && !std::isnan(a.skill.value));
  });
  return standings;
}

Json leaderboard_json(const std::vector<Standing>& standings) {
  const auto number = [](double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); };
  Json rows = Json::array();
  for (const auto& standing : standings) {
    rows.push_back({{"model", standing.model},
                    {"mean_error", number(standing.mean_error)},
                    {"skill", number(standing.skill.value)},
                    {"skill_low", number(standing.skill.low)},
                    {"skill_high", number(standing.skill.high)},
                    {"win_rate", number(standing.win_rate.value)},
                    {"win_rate_low", number(standing.win_rate.low)},
                    {"win_rate_high", number(standing.win_rate.high)}});
  }
  return rows;
}

}  // namespace arzoo::forecast
