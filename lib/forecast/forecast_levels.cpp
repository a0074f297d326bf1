#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "forecast/forecast_model.h"

/// What a ForecastModel says beside its point forecast: intervals, quantiles, distributions.
namespace arzoo::forecast {
namespace {

/// The level in percent of the interval that ends at a quantile.
double percent_around(double level) { return 100.0 * std::abs(2.0 * level - 1.0); }

/// The ends of an interval as levels of quantiles.
std::pair<double, double> ends_of(double percent) {
  // In this order 80 is 0.1 and 0.9 exactly, as --quantiles reads them.
  const double low = (100.0 - percent) / 200.0;
  return {low, 1.0 - low};
}

/// Levels of the intervals that a conformal distribution is made of, in percent.
const std::vector<double> kKnots{10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 99, 99.5, 99.8};

/// The distribution whose quantiles half(level) below and above the median are known for each interval.
template <class Ends>
Distribution from_intervals(const std::vector<double>& percents, const at::Tensor& median, const Ends& ends) {
  std::vector<double> levels{0.5};
  std::vector<at::Tensor> values{median};
  for (const double percent : percents) {
    const auto [low, high] = ends_of(percent);
    const auto [below, above] = ends(percent);
    levels.insert(levels.begin(), low);
    levels.push_back(high);
    values.insert(values.begin(), below);
    values.push_back(above);
  }
  return Distribution::quantiles(std::move(levels), at::stack(values, -1));
}

}  // namespace

void ForecastModel::require_levels(const ForecastLevels& levels) const {
  if (!members_.empty()) {
    const auto can = [&](const auto& member) { return member.second->can_forecast(levels); };
    if (levels.empty() || std::any_of(members_.begin(), members_.end(), can)) return;
    members_.front().second->require_levels(levels);  // says why not
  }
  if (levels.empty() || (zero_shot_ && any_series().abilities().quantiles)) return;
  if (head_ != nullptr && !levels.conformal) {
    if (loss_.loss != "quantile") return;
    const auto known = loss_.levels_with_median();
    const auto require = [&](double level, const std::string& what) {
      if (level >= known.front() - 1e-9 && level <= known.back() + 1e-9) return;
      fail<UsageError>(
          "{}: {} forecasts quantiles from {:g} to {:g}, this needs {:g} (ask for less, calibrate by "
          "--conformal "
          "split, or train with such training.quantiles)",
          what, name_, known.front(), known.back(), level);
    };
    for (const double percent : levels.intervals) {
      const auto what = fmt::format("--level {:g}", percent);
      require(ends_of(percent).first, what);
      require(ends_of(percent).second, what);
    }
    for (const double level : levels.quantiles) require(level, fmt::format("--quantiles {:g}", level));
    return;
  }
  if (scores_.empty()) {
    fail<UsageError>(
        "--level: {} has no validation residuals to take intervals from (train with a validation split)",
        name_);
  }
  for (const double level : levels.intervals) scores_.half_width(level, 1);
  for (const double level : levels.quantiles) {
    if (level != 0.5) scores_.half_width(percent_around(level), 1);
  }
}

std::vector<double> ForecastModel::possible_levels(const std::vector<double>& levels, bool conformal) const {
  std::vector<double> possible;
  const bool learned = head_ != nullptr && !conformal;
  const auto known =
      learned && loss_.loss == "quantile" ? loss_.levels_with_median() : std::vector<double>{0, 1};
  const double highest = learned ? 100.0 : scores_.highest_level();
  for (const double level : levels) {
    const auto [low, high] = ends_of(level);
    if (level <= highest + 1e-9 && low >= known.front() - 1e-9 && high <= known.back() + 1e-9)
      possible.push_back(level);
  }
  return possible;
}

double ForecastModel::autocorrelation(int64_t variate) const {
  if (!scores_.autocorrelation().defined()) {
    fail<UsageError>(
        "--samples: {} has no autocorrelation of validation errors, which ties the steps of a path together "
        "(train "
        "it with this version and a validation split)",
        name_);
  }
  const auto& all = scores_.autocorrelation();
  return all[std::min(variate, all.size(0) - 1)].item<double>();
}

/// Intervals and quantiles around result.mean. scale: [variates] double, of the scores.
void ForecastModel::add_conformal(SeriesForecast& result, const ForecastLevels& levels,
                                  const at::Tensor& scale) const {
  const auto half_width = [&](double level) {
    return scores_.half_width(level, result.mean.size(0)).to(at::kDouble) * scale;
  };
  for (const double level : levels.intervals) {
    const auto half = half_width(level);
    result.intervals.push_back({level, result.mean - half, result.mean + half});
  }
  for (const double level : levels.quantiles) {
    const auto distance = level == 0.5 ? at::zeros_like(result.mean) : half_width(percent_around(level));
    result.quantiles.emplace_back(level, level < 0.5 ? result.mean - distance : result.mean + distance);
  }
  if (!levels.distribution) return;
  const auto knots = possible_levels(kKnots, /*conformal=*/true);
  if (knots.empty()) return;
  result.distribution = from_intervals(knots, result.mean, [&](double level) {
    const auto half = half_width(level);
    return std::pair(result.mean - half, result.mean + half);
  });
}

/// Half-width of an interval as a normal score, [horizon, variates] double. Steps past pred_len, whose
/// distributions are wider already, take the last one's.
at::Tensor ForecastModel::score_width(double level, int64_t horizon) const {
  const auto width = scores_.half_width(level).to(at::kDouble);
  const int64_t steps = width.size(0);
  if (horizon <= steps) return width.narrow(0, 0, horizon);
  return at::cat({width, width.narrow(0, steps - 1, 1).expand({horizon - steps, -1})});
}

/// Intervals and quantiles of result.distribution, corrected by the validation windows where that is asked
/// for.
void ForecastModel::add_learned(SeriesForecast& result, const ForecastLevels& levels) const {
  const auto learned = result.distribution;
  const auto ends = [&](double percent) {
    if (levels.conformal) {
      const auto width = score_width(percent, result.mean.size(0));
      return std::pair(learned.at_scores(-width), learned.at_scores(width));
    }
    const auto [low, high] = ends_of(percent);
    return std::pair(learned.quantile(low), learned.quantile(high));
  };
  for (const double level : levels.intervals) {
    const auto [low, high] = ends(level);
    result.intervals.push_back({level, low, high});
  }
  for (const double level : levels.quantiles) {
    if (!levels.conformal || level == 0.5) {
      result.quantiles.emplace_back(level, learned.quantile(level));
      continue;
    }
    const auto [low, high] = ends(percent_around(level));
    result.quantiles.emplace_back(level, level < 0.5 ? low : high);
  }
  if (!levels.distribution) {
    result.distribution = {};
  } else if (levels.conformal) {
    const auto knots = possible_levels(kKnots, /*conformal=*/true);
    if (!knots.empty()) result.distribution = from_intervals(knots, learned.median(), ends);
  }
}

/// The distribution of one round of a roll, scaled, on the CPU. A later round starts from forecasts, which it
/// takes for known: its variance is the sum of its own and of the last step's before it, as if errors added
/// up like those of a random walk (spread being the distance of the quantiles 0.1 and 0.9).
Distribution ForecastModel::round_distribution(const ForecastBatch& batch, const at::Tensor& out,
                                               const std::vector<Distribution>& before) const {
  const auto point =
      out.size(2) == shape_.c_out ? out : out.narrow(2, out.size(2) - shape_.c_out, shape_.c_out);
  const auto own = head_->forward(batch, point).chosen([](const at::Tensor& part) {
    return part.to(at::kCPU, at::kDouble);
  });
  if (before.empty()) return own;
  const auto spread = [](const Distribution& of) { return of.quantile(0.9) - of.quantile(0.1); };
  const auto last = spread(before.back());
  const auto start = last.narrow(1, last.size(1) - 1, 1);  // [B, 1, c_out]
  return own.widened((1.0 + (start / spread(own)).square()).sqrt());
}

}  // namespace arzoo::forecast
