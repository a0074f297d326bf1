#include "forecast/scores/adaptive_conformal.h"

#include <torch/torch.h>

#include <algorithm>

#include "forecast/scores/forecast_scores.h"

namespace arzoo::forecast {
namespace {

/// Every 5 %, and finer where intervals grow fast.
std::vector<double> level_grid() {
  std::vector<double> grid;
  for (int percent = 5; percent <= 95; percent += 5) grid.push_back(percent);
  grid.insert(grid.end(), {96, 97, 98, 99, 99.5, 99.9});
  return grid;
}

}  // namespace

double AdaptiveLevels::level(const std::string& series, std::size_t which) const {
  const auto own = levels_.find(series);
  return std::clamp(own == levels_.end() ? nominal_[which] : own->second[which], 0.0, 100.0);
}

void AdaptiveLevels::update(const std::string& series, std::size_t which, double covered) {
  auto& level = levels_.try_emplace(series, nominal_).first->second[which];
  level += kRate * (nominal_[which] - 100.0 * covered);
}

ForecastInterval interval_between(const std::vector<ForecastInterval>& grid, const at::Tensor& mean,
                                  double nominal, double level) {
  const auto above =
      std::find_if(grid.begin(), grid.end(), [&](const auto& one) { return one.level >= level; });
  if (above == grid.end()) return {nominal, grid.back().low, grid.back().high};
  const bool first = above == grid.begin();
  const double from = first ? 0.0 : std::prev(above)->level;
  const double share = (level - from) / (above->level - from);
  const auto& low = first ? mean : std::prev(above)->low;
  const auto& high = first ? mean : std::prev(above)->high;
  return {nominal, low + (above->low - low) * share, high + (above->high - high) * share};
}

AdaptiveIntervals::AdaptiveIntervals(std::vector<double> nominal, const ForecastModel& model)
    : levels_(std::move(nominal)) {
  auto all = level_grid();
  all.insert(all.end(), levels_.nominal().begin(), levels_.nominal().end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  asked_ = model.possible_levels(all, /*conformal=*/true);
}

void AdaptiveIntervals::adapt(SeriesForecast& forecast, const std::vector<std::string>& ids) const {
  std::vector<ForecastInterval> adapted;
  for (std::size_t which = 0; which < levels_.nominal().size(); ++which) {
    std::vector<at::Tensor> low, high;
    for (std::size_t c = 0; c < ids.size(); ++c) {
      const auto variate = static_cast<int64_t>(c);
      std::vector<ForecastInterval> grid;
      for (const auto& interval : forecast.intervals)
        grid.push_back({interval.level, interval.low.select(1, variate), interval.high.select(1, variate)});
      const auto one = interval_between(grid, forecast.mean.select(1, variate), levels_.nominal()[which],
                                        levels_.level(ids[c], which));
      low.push_back(one.low);
      high.push_back(one.high);
    }
    adapted.push_back({levels_.nominal()[which], at::stack(low, 1), at::stack(high, 1)});
  }
  forecast.intervals = std::move(adapted);
}

void AdaptiveIntervals::learn(const SeriesForecast& forecast, const at::Tensor& truth,
                              const std::vector<std::string>& ids) {
  for (std::size_t which = 0; which < forecast.intervals.size(); ++which) {
    for (std::size_t c = 0; c < ids.size(); ++c) {
      const auto variate = static_cast<int64_t>(c);
      IntervalScores scores;
      scores.add(forecast.intervals[which].low.select(1, variate),
                 forecast.intervals[which].high.select(1, variate), truth.select(1, variate));
      if (scores.count() > 0) levels_.update(ids[c], which, scores.coverage());
    }
  }
}

}  // namespace arzoo::forecast
