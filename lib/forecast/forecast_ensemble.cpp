#include "forecast/forecast_ensemble.h"

#include <torch/torch.h>

#include <algorithm>

#include "core/atomic_file.h"
#include "core/config_fields.h"
#include "forecast/baselines/baseline_models.h"
#include "forecast/forecast_location.h"
#include "forecast/forecast_model.h"
#include "forecast/scores/forecast_scores.h"

namespace arzoo::forecast {
namespace {

namespace fs = std::filesystem;

/// What of a part is known so far: its weighted sum and the weights.
class WeightedMean {
 public:
  void add(double weight, const at::Tensor& values) {
    sum_ = sum_.defined() ? sum_ + weight * values : weight * values;
    weight_ += weight;
  }
  at::Tensor value() const { return sum_ / weight_; }

 private:
  at::Tensor sum_;
  double weight_ = 0.0;
};

/// The model of a member: a baseline of this name, or what lies at the path, seen from the ensemble's folder.
/// An ensemble in an ensemble is refused before it is opened: it might be the same one.
fs::path member_place(const fs::path& folder, const std::string& model, const Config& config) {
  if (make_baseline(model)) return model;
  const auto place = folder / model;
  if (locate_forecaster(place, std::nullopt).config.has("ensemble"))
    config.reject(fmt::format("{} is an ensemble itself, expected a model", model));
  return place;
}

}  // namespace

void save_ensemble(const fs::path& folder, const EnsembleOptions& options) {
  const Json config{{"family", "forecast"}, {"ensemble", to_json(options)}};
  write_atomically(folder / "config.json", dump_json(config, 2) + "\n");
}

ForecastModel ForecastModel::open_ensemble(const fs::path& folder, const Config& config,
                                           const runtime::Compute& compute) {
  const auto options = config.at("ensemble").as<EnsembleOptions>();
  ForecastModel ensemble;
  ensemble.name_ = "ensemble";
  ensemble.compute_ = compute;
  ensemble.zero_shot_ = true;
  for (const auto& member : options.members) {
    const auto place = member_place(folder, member.model, config.at("ensemble"));
    auto model = std::make_shared<ForecastModel>(open(place, std::nullopt, compute));
    if (!model->is_zero_shot() && ensemble.zero_shot_) {
      // The first model that was trained says how its data are read; the others take what they are given.
      ensemble.zero_shot_ = false;
      ensemble.options_ = model->options_;
      ensemble.variates_ = model->variates_;
      ensemble.named_ = model->named_;
      ensemble.frequency_ = model->frequency_;
      ensemble.seen_rows_ = model->seen_rows_;
      ensemble.shape_ = model->shape_;
    }
    ensemble.members_.emplace_back(member.weight, std::move(model));
  }
  int64_t rows = 0;
  for (const auto& [weight, member] : ensemble.members_) rows = std::max(rows, member->least_context());
  if (ensemble.zero_shot_) ensemble.any_series_ = ensemble.members_.front().second->any_series_;
  ensemble.shape_.seq_len = rows;
  ensemble.shape_.pred_len = options.horizon;
  return ensemble;
}

bool ForecastModel::can_forecast(const ForecastLevels& levels) const {
  if (!has_intervals()) return false;
  if (head_ != nullptr || scores_.empty()) return true;
  auto percents = levels.intervals;
  for (const double level : levels.quantiles) percents.push_back(100.0 * std::abs(2.0 * level - 1.0));
  return std::all_of(percents.begin(), percents.end(),
                     [&](double percent) { return percent <= scores_.highest_level(); });
}

std::vector<SeriesForecast> ForecastModel::forecast_members(std::span<const io::SeriesTable> tables,
                                                            int64_t horizon,
                                                            const ForecastLevels& levels) const {
  struct Parts {
    WeightedMean mean;
    std::vector<WeightedMean> lows, highs, quantiles, deciles;  ///< deciles: of the distribution
  };
  const c10::InferenceMode inference;
  std::vector<SeriesForecast> results;
  std::vector<Parts> parts(tables.size());
  ForecastLevels asked(levels.intervals, levels.quantiles);
  asked.distribution = levels.distribution;
  const auto& deciles = DistributionScores::levels();
  for (const auto& [weight, member] : members_) {
    const bool has_levels = (!asked.empty() || asked.distribution) && member->can_forecast(asked);
    auto forecasts = member->forecast(tables, horizon, has_levels ? asked : ForecastLevels());
    for (std::size_t i = 0; i < tables.size(); ++i) {
      parts[i].mean.add(weight, forecasts[i].mean);
      parts[i].lows.resize(asked.intervals.size());
      parts[i].highs.resize(asked.intervals.size());
      parts[i].quantiles.resize(asked.quantiles.size());
      for (std::size_t level = 0; level < forecasts[i].intervals.size(); ++level) {
        parts[i].lows[level].add(weight, forecasts[i].intervals[level].low);
        parts[i].highs[level].add(weight, forecasts[i].intervals[level].high);
      }
      for (std::size_t level = 0; level < forecasts[i].quantiles.size(); ++level)
        parts[i].quantiles[level].add(weight, forecasts[i].quantiles[level].second);
      if (!forecasts[i].distribution.defined()) continue;
      parts[i].deciles.resize(deciles.size());
      for (std::size_t level = 0; level < deciles.size(); ++level)
        parts[i].deciles[level].add(weight, forecasts[i].distribution.quantile(deciles[level]));
    }
    if (results.empty()) results = std::move(forecasts);
  }
  for (std::size_t i = 0; i < tables.size(); ++i) {
    results[i].mean = parts[i].mean.value();
    results[i].intervals.clear();
    results[i].quantiles.clear();
    results[i].distribution = {};
    for (std::size_t level = 0; level < asked.intervals.size(); ++level)
      results[i].intervals.push_back(
          {asked.intervals[level], parts[i].lows[level].value(), parts[i].highs[level].value()});
    for (std::size_t level = 0; level < asked.quantiles.size(); ++level)
      results[i].quantiles.emplace_back(asked.quantiles[level], parts[i].quantiles[level].value());
    if (parts[i].deciles.empty()) continue;
    std::vector<at::Tensor> values;
    for (const auto& decile : parts[i].deciles) values.push_back(decile.value());
    results[i].distribution = Distribution::quantiles(deciles, at::stack(values, -1));
  }
  return results;
}

}  // namespace arzoo::forecast
