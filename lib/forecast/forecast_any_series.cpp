#include <torch/torch.h>

#include <algorithm>

#include "forecast/forecast_model.h"
#include "forecast/scores/forecast_scores.h"
#include "forecast/zero_shot_tables.h"

namespace arzoo::forecast {
namespace {

/// The ends of all intervals, the quantiles and those that a distribution is made of: ascending, each once.
std::vector<double> quantiles_of(const ForecastLevels& levels) {
  auto all = levels.quantiles;
  for (const double level : levels.intervals) {
    all.push_back(0.5 - level / 200.0);
    all.push_back(0.5 + level / 200.0);
  }
  if (levels.distribution) {
    const auto& deciles = DistributionScores::levels();
    all.insert(all.end(), deciles.begin(), deciles.end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

/// The series of a table side by side. known: the levels of their quantiles.
SeriesForecast in_table(const io::SeriesTable& table, int64_t horizon,
                        std::span<const ZeroShotForecast> series, const ForecastLevels& levels,
                        const std::vector<double>& known) {
  SeriesForecast result{table.unique_id, {}, {}, {}, {}, {}, {}};
  for (int64_t step = 1; step <= horizon; ++step)
    result.stamps.push_back(advance(table.stamps.back(), table.frequency, step));
  std::vector<at::Tensor> points, quantiles, backcasts;
  for (const auto& one : series) {
    points.push_back(one.point);
    if (one.backcast.defined()) backcasts.push_back(one.backcast);
    if (one.quantiles.defined()) quantiles.push_back(one.quantiles);
  }
  result.mean = at::cat(points).to(at::kDouble).t().contiguous();
  if (!backcasts.empty()) result.backcast = at::cat(backcasts).to(at::kDouble).t().contiguous();
  if (quantiles.empty()) return result;
  const auto all = at::cat(quantiles).to(at::kDouble);  // [V, Q, H]
  const auto at_level = [&](double level) {
    const auto place = std::lower_bound(known.begin(), known.end(), level) - known.begin();
    return all.select(1, place).t().contiguous();
  };
  for (const double level : levels.intervals)
    result.intervals.push_back({level, at_level(0.5 - level / 200.0), at_level(0.5 + level / 200.0)});
  for (const double level : levels.quantiles) result.quantiles.emplace_back(level, at_level(level));
  if (!levels.distribution) return result;
  std::vector<at::Tensor> deciles;
  for (const double level : DistributionScores::levels()) deciles.push_back(at_level(level));
  // A network's quantiles may cross, a distribution's do not.
  result.distribution =
      Distribution::quantiles(DistributionScores::levels(), std::get<0>(at::stack(deciles, -1).sort(-1)));
  return result;
}

/// What the histories of all series were divided by, [variates].
at::Tensor scales_of(std::span<const ZeroShotForecast> series) {
  std::vector<at::Tensor> scales;
  for (const auto& one : series)
    scales.push_back(one.scale.defined() ? one.scale : at::ones({one.point.size(0)}, at::kDouble));
  return at::cat(scales);
}

}  // namespace

ZeroShotModel& ForecastModel::any_series() const { return *any_series_; }

void ForecastModel::configure(const Config& options) {
  if (!zero_shot_)
    fail<UsageError>("--set: {} was trained on its own data, its forecasts have no options", name_);
  any_series().configure(options);
}

Json ForecastModel::decoding() const { return zero_shot_ ? any_series().decoding() : Json(nullptr); }

/// Whatever the tables hold, by a model for any series.
std::vector<SeriesForecast> ForecastModel::forecast_any(std::span<const io::SeriesTable> tables,
                                                        int64_t horizon, const ForecastLevels& levels,
                                                        std::span<const KnownAhead> ahead) const {
  const c10::InferenceMode inference;
  const kernels::QuantizedScope scope(quantized_.get());
  auto& model = any_series();
  const bool has_quantiles = model.abilities().quantiles;
  ZeroShotRequest request;
  request.horizon = horizon;
  request.device = compute_.device;
  if (has_quantiles) request.levels = quantiles_of(levels);
  request.backcast = levels.backcast && model.abilities().backcast;
  const ZeroShotReading reading{given_roles_, model.most_context(horizon),
                                model.abilities().gaps && keep_gaps_, season_};
  std::vector<ZeroShotSeries> series;
  std::vector<std::size_t> first{0};
  for (std::size_t i = 0; i < tables.size(); ++i) {
    auto of_table = zero_shot_series(tables[i], ahead.empty() ? nullptr : &ahead[i], reading);
    std::move(of_table.begin(), of_table.end(), std::back_inserter(series));
    first.push_back(series.size());
  }
  check_abilities(model.abilities(), name_, series, request);
  const auto found = model.forecast_series(series, request);
  std::vector<SeriesForecast> results;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const auto of_table = std::span(found).subspan(first[i], first[i + 1] - first[i]);
    auto result = in_table(tables[i], horizon, of_table, levels, request.levels);
    result.variates = given_roles_.empty() ? tables[i].variates : given_roles_.targets;
    result.scale = scales_of(of_table);
    if (!has_quantiles) add_conformal(result, levels, result.scale);
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace arzoo::forecast
